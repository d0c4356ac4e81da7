// The audio graph of a clip's stems. Each stem is one buffer source -> fade -> gain -> master, all
// sources started at one instant of the audio clock, so that they stay in step with each other;
// the player is the clock that they follow. Knows nothing of the page.
"use strict";
window.sensorium.Mixer = class Mixer extends EventTarget {
  // data: {start, quietest, labels}; sounds: one base64 text per stem
  constructor(player, data, sounds) {
    super();
    this.player = player;
    this.start = data.start; // of the sound on the player's clock, in seconds
    this.quietest = data.quietest; // dB: this and less is silence
    this.on = false;
    this.context = null;
    this.master = null;
    this.shares = null; // of each stem in the place that is heard; null: the whole mix
    this.tracks = data.labels.map((label, i) => ({
      label, text: sounds[i], buffer: null, gain: null, source: null, db: 0, muted: false, solo: false,
    }));
    this.began = null; // {at, position, rate}: what the sources play, on the audio clock
    this.loaded = null;
    this.wasMuted = player.muted;
    for (const event of ["play", "playing", "seeked", "ratechange", "canplay"]) {
      player.addEventListener(event, () => this.follow());
    }
    for (const event of ["pause", "seeking", "waiting", "ended", "emptied"]) {
      player.addEventListener(event, () => this.halt());
    }
    player.addEventListener("volumechange", () => this.hearPlayersVolume());
    setInterval(() => this.correct(), 250);
  }

  // Decodes the stems, once; needs no click of the reader's.
  load() {
    if (this.loaded) return this.loaded;
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.context.suspend();
    this.master = this.context.createGain();
    this.master.connect(this.context.destination);
    for (const track of this.tracks) {
      track.gain = this.context.createGain();
      track.gain.gain.value = this.level(track);
      track.gain.connect(this.master);
    }
    this.loaded = Promise.all(this.tracks.map(async (track) => {
      track.buffer = await this.context.decodeAudioData(this.bytes(track));
    }));
    return this.loaded;
  }

  bytes(track) {
    const raw = atob(track.text);
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
    return bytes.buffer;
  }

  // The stems instead of the player's own sound; resolves when they can be heard.
  async turnOn() {
    if (!this.on) {
      this.on = true;
      this.wasMuted = this.player.muted;
      this.player.muted = true;
      this.tell();
    }
    try {
      await this.load();
    } catch (problem) {
      this.turnOff();
      this.dispatchEvent(new CustomEvent("problem", { detail: problem }));
      return;
    }
    if (!this.on) return;
    await this.context.resume();
    this.hearPlayersVolume();
    this.follow();
  }

  turnOff() {
    if (!this.on) return;
    this.on = false;
    this.halt();
    this.player.muted = this.wasMuted;
    if (this.context) this.context.suspend();
    this.tell();
  }

  // change: any of {muted, solo, db}
  set(index, change) {
    Object.assign(this.tracks[index], change);
    this.apply();
  }

  reset() {
    for (const track of this.tracks) Object.assign(track, { muted: false, solo: false, db: 0 });
    this.apply();
  }

  // Weighs the stems by what of them belongs to a place; null is the whole mix.
  listen(shares) {
    this.shares = shares;
    this.apply();
  }

  // What a track's gain should be.
  level(track) {
    const soloed = this.tracks.some((other) => other.solo);
    if (track.muted || (soloed && !track.solo) || track.db <= this.quietest) return 0;
    const share = this.shares ? this.shares[this.tracks.indexOf(track)] : 1;
    return share * 10 ** (track.db / 20);
  }

  apply() {
    for (const track of this.tracks) if (track.gain) this.slide(track.gain.gain, this.level(track));
    this.tell();
  }

  // To a value within 20 ms, without a click.
  slide(parameter, value) {
    const now = this.context.currentTime;
    parameter.cancelScheduledValues(now);
    parameter.setValueAtTime(parameter.value, now);
    parameter.linearRampToValueAtTime(value, now + 0.02);
  }

  hearPlayersVolume() {
    if (this.on && !this.player.muted) { // the reader wants the player's own sound back
      this.wasMuted = false;
      this.turnOff();
    } else if (this.master) {
      this.slide(this.master.gain, this.player.volume);
    }
  }

  get ready() {
    return this.on && this.context !== null && this.context.state === "running"
      && this.tracks.every((track) => track.buffer);
  }

  get latency() {
    return this.context.outputLatency || this.context.baseLatency || 0;
  }

  // Where the sources are on the player's clock as the reader hears them; null when silent.
  position() {
    if (!this.began) return null;
    const heard = this.context.currentTime - this.latency - this.began.at;
    return this.began.position + heard * this.began.rate;
  }

  // Starts the sources where the player is, if it plays.
  follow() {
    const { player } = this;
    this.halt();
    if (!this.ready || player.paused || player.seeking || player.ended || player.readyState < 3) return;
    const at = this.context.currentTime + 0.03;
    const rate = player.playbackRate;
    const position = player.currentTime + (0.03 + this.latency) * rate; // then, at the reader's ear
    for (const track of this.tracks) {
      const source = this.context.createBufferSource();
      const fade = this.context.createGain();
      source.buffer = track.buffer;
      source.playbackRate.value = rate;
      source.connect(fade).connect(track.gain);
      fade.gain.setValueAtTime(0, at);
      fade.gain.linearRampToValueAtTime(1, at + 0.01);
      const inside = position - this.start;
      source.start(inside < 0 ? at - inside / rate : at, Math.max(inside, 0));
      track.source = source;
      track.fade = fade;
    }
    this.began = { at, position, rate };
  }

  halt() {
    if (!this.began) return;
    const now = this.context.currentTime;
    for (const track of this.tracks) {
      track.fade.gain.cancelScheduledValues(now);
      track.fade.gain.setValueAtTime(track.fade.gain.value, now);
      track.fade.gain.linearRampToValueAtTime(0, now + 0.01);
      track.source.stop(now + 0.012);
      track.source = null;
    }
    this.began = null;
  }

  // The audio clock and the player's drift apart: jump when it can be noticed.
  correct() {
    if (!this.on) return;
    if (!this.began) this.follow();
    else if (Math.abs(this.position() - this.player.currentTime) > 0.06) this.follow();
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }
};
