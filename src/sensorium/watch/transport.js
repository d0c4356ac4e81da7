// Controls of the player's own under the picture, since a heat map lies over the browser's: play,
// position, speed, volume, full screen (picture, map and controls together).
"use strict";
window.sensorium.transport = (player, bar) => {
  const { seek, words, report } = window.sensorium;
  const find = (name) => bar.querySelector(`[data-do="${name}"]`);
  const [play, position, speed, loud, full] = ["play", "seek", "speed", "loud", "full"].map(find);
  const time = bar.querySelector('[data-show="time"]');
  const whole = player.closest(".player");
  player.removeAttribute("controls");
  position.max = report.duration;

  function show() {
    const at = player.currentTime;
    if (document.activeElement !== position || player.paused) position.value = at;
    position.style.setProperty("--p", at / report.duration);
    position.setAttribute("aria-valuetext", words(at));
    time.textContent = `${words(at).replace(" s", "")} / ${words(report.duration)}`;
    bar.classList.toggle("playing", !player.paused);
    play.setAttribute("aria-label", player.paused ? "Play" : "Pause");
    loud.style.setProperty("--p", player.volume);
    loud.value = player.volume;
    speed.value = player.playbackRate;
  }
  for (const event of ["timeupdate", "seeking", "play", "pause", "volumechange", "ratechange"]) {
    player.addEventListener(event, show);
  }
  for (const element of [play, player]) {
    element.addEventListener("click", () => {
      if (player.paused) player.play().catch(() => {});
      else player.pause();
    });
  }
  position.addEventListener("input", () => seek(Number(position.value)));
  speed.addEventListener("change", () => { player.playbackRate = Number(speed.value); });
  loud.addEventListener("input", () => { player.volume = Number(loud.value); });
  full.hidden = !document.fullscreenEnabled;
  full.addEventListener("click", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else whole.requestFullscreen().catch(() => {});
  });
  show();
};
