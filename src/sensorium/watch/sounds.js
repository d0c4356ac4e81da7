// The Sounds section: ties the mixer, the heat map and the player's controls to the page.
// window.sensorium.mixer: the first section's mixer (see mixer.js), with `heat`, `hear(x, y)`,
// `whole()` and `state()`, for whoever drives the page from outside.
"use strict";
(() => {
  const { player, seek, report } = window.sensorium;
  const parts = (name) => [...document.querySelectorAll(`[data-sounds="${name}"]`)];
  const mixers = [];

  function decibels(value, quietest) {
    if (value <= quietest) return "silent";
    return `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value)} dB`;
  }

  function section(tracks, over, under, first) {
    const data = JSON.parse(tracks.parentElement.querySelector('[data-sounds="data"]').textContent);
    const texts = [...tracks.parentElement.querySelectorAll('[data-sounds="sound"]')];
    const heat = new window.sensorium.Heat(over.querySelector("canvas"), player, data);
    const mixer = texts.length
      ? new window.sensorium.Mixer(player, data, texts.map((t) => t.textContent)) : null;
    for (const text of texts) text.textContent = "";
    const one = { data, heat, mixer, over, under };
    const find = (root, kind, name) => root.querySelector(`[data-${kind}="${name}"]`);

    function front() { // this section's map lies on the picture, and its mixer is the one that plays
      for (const other of mixers) {
        other.over.hidden = other.under.hidden = other !== one;
        if (other !== one && other.mixer) other.mixer.turnOff();
      }
    }

    const gains = () => data.labels.map((_, i) => (mixer ? Math.min(mixer.level(mixer.tracks[i]), 1) : 1));

    function paint() {
      const share = Math.min(player.currentTime / report.duration, 1);
      tracks.style.setProperty("--at", share);
      if (mixer && heat.place) {
        const shares = heat.sharesAt(...heat.place, player.currentTime);
        if (shares.some((v, i) => Math.abs(v - mixer.shares[i]) > 1e-4)) mixer.listen(shares);
      }
      if (!over.hidden) heat.draw(heat.place ? data.labels.map(() => 1) : gains());
    }

    function hear(x, y) {
      heat.place = [Math.min(Math.max(x, 0), 1), Math.min(Math.max(y, 0), 1)];
      front();
      mixer.listen(heat.sharesAt(...heat.place, player.currentTime));
      mixer.turnOn();
      paint();
    }

    function whole() {
      heat.place = null;
      mixer.listen(null);
      paint();
    }

    function sayWhatIsHeard() {
      const status = find(under, "show", "hearing");
      if (heat.place) {
        const order = data.labels.map((label, i) => [mixer.shares[i], label]).sort((a, b) => b[0] - a[0]);
        const most = order.filter(([share]) => share >= 0.15).slice(0, 2).map(([share, label]) =>
          `${Math.round(100 * share)} % of ${label}`);
        status.textContent = `This place: ${most.join(", ") || "next to nothing"}.`;
      } else {
        status.textContent = mixer.on
          ? "The mix below." : "Click in the picture to hear that place.";
      }
      find(under, "do", "whole").hidden = !heat.place;
      over.setAttribute("aria-pressed", String(Boolean(heat.place)));
    }

    function showMixer() {
      find(tracks, "do", "mixer").checked = mixer.on;
      find(tracks, "show", "mixer").textContent = mixer.on
        ? "on: you hear the tracks" : "off: you hear the player’s own sound";
      mixer.tracks.forEach((track, i) => {
        const faders = find(tracks, "stem", i);
        const slider = find(faders, "do", "volume");
        const name = decibels(track.db, mixer.quietest);
        for (const [key, pressed] of [["mute", track.muted], ["solo", track.solo]]) {
          find(faders, "do", key).setAttribute("aria-pressed", String(pressed));
        }
        slider.value = track.db;
        slider.style.setProperty("--p", (track.db - slider.min) / (slider.max - slider.min));
        slider.setAttribute("aria-valuetext", name);
        find(faders, "show", "volume").textContent = name;
        faders.closest(".stem").classList.toggle("quiet", mixer.on && mixer.level(track) === 0);
      });
      sayWhatIsHeard();
      paint();
    }

    function wireTrack(faders, i) {
      const change = (what) => { front(); mixer.set(i, what); mixer.turnOn(); };
      const slider = find(faders, "do", "volume");
      find(faders, "do", "mute").addEventListener("click", () => change({ muted: !mixer.tracks[i].muted }));
      find(faders, "do", "solo").addEventListener("click", () => change({ solo: !mixer.tracks[i].solo }));
      slider.addEventListener("input", () => change({ db: Number(slider.value) }));
      slider.addEventListener("dblclick", () => change({ db: 0 }));
      const save = find(faders.parentElement, "do", "save");
      const address = URL.createObjectURL(new Blob([mixer.bytes(mixer.tracks[i])], { type: "audio/mp4" }));
      Object.assign(save, { href: address, download: `${i + 1}-${data.labels[i]}.m4a`, hidden: false });
      save.setAttribute("aria-label", `Save ${data.labels[i]} as a file`);
    }

    function wirePicture() {
      over.addEventListener("click", (event) => {
        if (event.detail === 0) { // a key: at the place itself, first where it is loudest
          if (heat.place) whole();
          else hear(...(data.at.find((at) => at) || [0.5, 0.5]));
          return;
        }
        const place = heat.placeAt(event);
        if (!place) return;
        if (heat.place) whole();
        else hear(...place);
      });
      over.addEventListener("keydown", (event) => {
        const step = event.shiftKey ? 0.1 : 0.02;
        const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
        if (!move) return;
        event.preventDefault();
        const [x, y] = heat.place || data.at.find((at) => at) || [0.5, 0.5];
        hear(x + move[0], y + move[1]);
      });
      find(under, "do", "whole").addEventListener("click", whole);
      document.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && heat.place) whole();
      });
      for (const button of tracks.querySelectorAll("[data-place]")) {
        button.addEventListener("click", () => hear(...button.dataset.place.split(" ").map(Number)));
      }
    }

    window.sensorium.transport(player, under);
    find(under, "do", "heat").addEventListener("change", (event) => {
      heat.shown = event.target.checked;
      paint();
    });
    tracks.addEventListener("pointerdown", (event) => {
      const box = event.target.closest(".spectrum")?.getBoundingClientRect();
      if (box && event.button === 0) seek((report.duration * (event.clientX - box.left)) / box.width);
    });
    if (mixer) {
      tracks.querySelectorAll("[data-stem]").forEach(wireTrack);
      wirePicture();
      find(tracks, "do", "mixer").addEventListener("change", (event) => {
        front();
        if (event.target.checked) mixer.turnOn();
        else { whole(); mixer.turnOff(); }
      });
      find(tracks, "do", "reset").addEventListener("click", () => { mixer.reset(); whole(); });
      mixer.addEventListener("change", showMixer);
      mixer.addEventListener("problem", (event) => {
        find(tracks, "show", "mixer").textContent = `this browser cannot decode the tracks (${event.detail})`;
      });
      for (const root of [tracks, over]) { // so that the first click acts at once
        for (const event of ["pointerenter", "focusin"]) {
          root.addEventListener(event, () => mixer.load().catch(() => {}), { once: true });
        }
      }
      const state = () => ({
        on: mixer.on,
        ready: mixer.ready,
        playing: mixer.began !== null,
        position: mixer.position(),
        rate: mixer.began ? mixer.began.rate : null,
        gains: mixer.tracks.map((track) => track.gain && track.gain.gain.value),
        sources: mixer.tracks.filter((track) => track.source).length,
        place: heat.place,
      });
      if (first) window.sensorium.mixer = Object.assign(mixer, { heat, hear, whole, state });
      showMixer();
    } else {
      over.classList.add("still");
      over.disabled = true;
    }
    over.hidden = under.hidden = !first;
    for (const event of ["timeupdate", "seeking", "seeked", "loadedmetadata"]) player.addEventListener(event, paint);
    function follow() {
      paint();
      if (!player.paused) requestAnimationFrame(follow);
    }
    player.addEventListener("play", follow);
    new ResizeObserver(paint).observe(over);
    return one;
  }

  const [tracks, overs, unders] = ["tracks", "over", "under"].map(parts);
  tracks.forEach((root, i) => mixers.push(section(root, overs[i], unders[i], i === 0)));
})();
