// The page's behaviour: the player's video, the time line, and the play head that ties them together.
// Anything with data-seek (seconds) jumps there; anything with data-start and data-end is marked
// while the play head is inside. Sections may use window.sensorium {report, player, seek, words}.
"use strict";
(() => {
  const report = JSON.parse(document.getElementById("report").textContent);
  const player = document.getElementById("player");
  const rows = document.getElementById("rows");
  const cursor = document.getElementById("cursor");
  const flag = document.getElementById("flag");
  const duration = report.duration;
  const timed = [...document.querySelectorAll("[data-start]")].map((element) => ({
    element, start: Number(element.dataset.start), end: Number(element.dataset.end),
  }));
  let wanted = null; // where to go once the video can

  const text = document.getElementById("video").textContent.trim();
  if (text) {
    const raw = atob(text);
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
    player.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
    document.getElementById("video").textContent = "";
  }

  const pad = (number) => String(number).padStart(2, "0");
  function words(seconds) {
    if (duration < 60) return `${seconds.toFixed(duration < 3 ? 2 : 1)} s`;
    const total = Math.floor(seconds);
    const [hours, minutes] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60)];
    return duration < 3600
      ? `${minutes}:${pad(total % 60)}` : `${hours}:${pad(minutes)}:${pad(total % 60)}`;
  }

  function show(seconds) {
    const at = Math.min(Math.max(seconds, 0), duration);
    rows.style.setProperty("--at", at / duration);
    cursor.setAttribute("aria-valuenow", at.toFixed(2));
    cursor.setAttribute("aria-valuetext", words(at));
    flag.textContent = words(at);
    for (const { element, start, end } of timed) {
      element.classList.toggle("now", start <= at + 1e-3 && at < end);
    }
  }

  function seek(seconds) {
    const at = Math.min(Math.max(seconds, 0), duration);
    if (player.readyState > 0) player.currentTime = at;
    else wanted = at;
    show(at);
  }

  player.addEventListener("loadedmetadata", () => {
    if (wanted !== null) player.currentTime = wanted;
    wanted = null;
  });
  for (const event of ["timeupdate", "seeking", "seeked"]) {
    player.addEventListener(event, () => { if (wanted === null) show(player.currentTime); });
  }
  function follow() {
    if (player.paused) return;
    show(player.currentTime);
    requestAnimationFrame(follow);
  }
  player.addEventListener("play", () => requestAnimationFrame(follow));

  function timeAt(event) {
    const box = rows.querySelector(".track").getBoundingClientRect();
    return (duration * (event.clientX - box.left)) / box.width;
  }
  rows.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.target.closest(".track")) return;
    seek(timeAt(event));
    if (event.pointerType === "touch") return; // a swipe scrolls the page
    rows.classList.add("dragging");
    rows.setPointerCapture(event.pointerId);
  });
  rows.addEventListener("pointermove", (event) => {
    if (rows.classList.contains("dragging")) seek(timeAt(event));
  });
  for (const event of ["pointerup", "pointercancel"]) {
    rows.addEventListener(event, () => rows.classList.remove("dragging"));
  }

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-seek]");
    if (!target) return;
    if (target.closest(".track") && event.detail > 0) return; // the mouse has said where already
    seek(Number(target.dataset.seek));
  });
  const toggle = () => (player.paused ? player.play().catch(() => {}) : player.pause());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const free = event.target === document.body || event.target === cursor;
    if (!free) return;
    const step = event.shiftKey ? 5 : 1;
    const moves = {
      " ": toggle,
      ArrowLeft: () => seek(player.currentTime - step),
      ArrowRight: () => seek(player.currentTime + step),
      Home: () => seek(0),
      End: () => seek(duration),
    };
    if (event.key in moves && (event.target === cursor || event.key !== "Home" && event.key !== "End")) {
      event.preventDefault();
      moves[event.key]();
    }
  });

  window.sensorium = { report, player, seek, words };
  show(0);
})();
