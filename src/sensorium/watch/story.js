// The Story section: the search box keeps the sentences that have every word typed, marks the words,
// fades the other chapters on the time line, and Enter goes from one moment found to the next
// (shift: back). Arrow keys go through the sentences. The list follows the play head.
// window.sensorium.story {search(text), found()}: the first story, for whoever drives the page.
"use strict";
(() => {
  const { player, seek } = window.sensorium;
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  function section(story) {
    const input = story.querySelector('[data-do="search"]');
    const status = story.querySelector('[data-show="found"]');
    const scroll = story.querySelector(".scroll");
    const bars = new Map();
    for (const bar of document.querySelectorAll("#rows .segment")) {
      const key = `${bar.dataset.start} ${bar.dataset.end}`;
      bars.set(key, [...(bars.get(key) || []), bar]);
    }
    const rows = [...story.querySelectorAll("li")].map((item) => {
      const said = item.querySelector(".said");
      const text = said.textContent;
      const near = bars.get(`${item.dataset.start} ${item.dataset.end}`) || [];
      return {
        item, said, text, words: plain(text), start: Number(item.dataset.start),
        button: item.querySelector("button"),
        bars: near.filter((bar) => bar.getAttribute("aria-label").startsWith(`${text}, `)),
      };
    });
    const own = [...new Set(rows.flatMap((row) => row.bars))];
    for (const { bars: ours, text } of rows) {
      for (const bar of ours) { bar.classList.add("chapter"); bar.dataset.chapter = text; }
    }
    let at = -1; // the moment that Enter went to, among those found

    const found = () => rows.filter((row) => !row.item.hidden);

    function mark(row, wanted) {
      row.said.textContent = "";
      const stretches = [];
      const whole = row.words.length === row.text.length ? row.words : row.text.toLowerCase();
      for (const word of wanted) {
        for (let i = whole.indexOf(word); i >= 0; i = whole.indexOf(word, i + word.length)) {
          stretches.push([i, i + word.length]);
        }
      }
      stretches.sort((a, b) => a[0] - b[0]);
      let last = 0;
      for (const [from, to] of stretches) {
        if (to <= last) continue;
        row.said.append(row.text.slice(last, Math.max(from, last)));
        const marked = document.createElement("mark");
        marked.textContent = row.text.slice(Math.max(from, last), to);
        row.said.append(marked);
        last = to;
      }
      row.said.append(row.text.slice(last));
    }

    function search(text) {
      const wanted = plain(text).split(/\s+/).filter(Boolean);
      at = -1;
      if (!wanted.length) scroll.style.minHeight = "";
      else if (!scroll.style.minHeight) scroll.style.minHeight = `${scroll.offsetHeight}px`;
      for (const row of rows) {
        row.item.hidden = !wanted.every((word) => row.words.includes(word));
        mark(row, row.item.hidden ? [] : wanted);
      }
      const kept = new Set(found().flatMap((row) => row.bars));
      for (const bar of own) bar.classList.toggle("unfound", !kept.has(bar));
      tell();
      return found().length;
    }

    function tell() {
      const count = found().length;
      if (!input.value.trim()) status.textContent = "";
      else if (!count) status.textContent = "no sentence has that";
      else if (at >= 0) status.textContent = `${at + 1} of ${count}`;
      else status.textContent = count === 1 ? "1 moment" : `${count} moments`;
    }

    function go(step) {
      const rest = found();
      if (!rest.length) return;
      at = at < 0 ? (step > 0 ? 0 : rest.length - 1) : (at + step + rest.length) % rest.length;
      seek(rest[at].start);
      reveal(rest[at].item);
      tell();
    }

    function reveal(item) { // moves the list, never the page
      const [top, bottom] = [item.offsetTop, item.offsetTop + item.offsetHeight];
      if (top < scroll.scrollTop) scroll.scrollTop = top;
      else if (bottom > scroll.scrollTop + scroll.clientHeight) {
        scroll.scrollTop = bottom - scroll.clientHeight;
      }
    }

    input.addEventListener("input", () => search(input.value));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape") { input.value = ""; search(""); }
      else if (event.key === "ArrowDown") found()[0]?.button.focus();
      else return;
      event.preventDefault();
    });
    scroll.addEventListener("keydown", (event) => {
      const rest = found();
      const here = rest.findIndex((row) => row.button === document.activeElement);
      const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: rest.length - 1 }[event.key];
      if (here < 0 || to === undefined) return;
      event.preventDefault();
      if (to < 0) input.focus();
      else rest[Math.min(to, rest.length - 1)].button.focus();
    });

    let current = null;
    function follow() {
      const now = rows.filter((row) => row.item.classList.contains("now") && !row.item.hidden);
      const first = now.length ? now[now.length - 1] : null;
      for (const row of rows) {
        if (row.item.classList.contains("now")) row.button.setAttribute("aria-current", "true");
        else row.button.removeAttribute("aria-current");
      }
      if (first === current) return;
      current = first;
      if (first && !scroll.matches(":hover") && !scroll.contains(document.activeElement)) {
        reveal(first.item);
      }
    }
    for (const name of ["timeupdate", "seeked"]) player.addEventListener(name, follow);

    input.parentElement.hidden = false;
    return { search: (text) => { input.value = text; return search(text); }, found: () => found().map((row) => row.text) };
  }

  const stories = [...document.querySelectorAll("[data-story]")].map(section);
  window.sensorium.story = stories[0];
})();
