"""Files to and from the vocabulary of `sensorium.types`, by PyAV (FFmpeg)."""

from sensorium.media.errors import MediaError
from sensorium.media.probing import AudioInfo, FileInfo, VideoInfo, probe
from sensorium.media.reading import problems, read
from sensorium.media.recording import SoundWriter, write_audio
from sensorium.media.writing import Encoding, write

__all__ = [
    "AudioInfo",
    "Encoding",
    "FileInfo",
    "MediaError",
    "SoundWriter",
    "VideoInfo",
    "probe",
    "problems",
    "read",
    "write",
    "write_audio",
]
