// The heat map over the picture: where it sounds, in the colours of the stems, as the player's time
// goes on; and which part of each stem belongs to a place.
"use strict";
(() => {
const DIM = 0.3; // of the black where nothing sounds
const GLOW = 0.72; // of the colour where it is loudest

window.sensorium.Heat = class Heat {
  // data: {start, seconds, times, size, shares, loudness, labels, hues}; shares have no last stem,
  // the rest, which belongs to no place
  constructor(canvas, player, data) {
    this.canvas = canvas;
    this.player = player;
    this.data = data;
    this.shown = true;
    this.place = null; // [x, y] in 0..1 of the picture
    [this.rows, this.columns] = data.size;
    this.sources = data.labels.length - 1;
    this.shares = this.bytes(data.shares);
    this.loudness = this.bytes(data.loudness);
    this.grid = document.createElement("canvas");
    this.grid.width = this.columns;
    this.grid.height = this.rows;
    this.colours = data.hues.map((hue) => this.colour(hue));
  }

  bytes(text) {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  }

  // Red, green, blue of a stem: its hue at a lightness that shows on any picture.
  colour(hue) {
    const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    probe.fillStyle = hue === null ? "#c9c4bb" : "#ffb347";
    if (hue !== null) probe.fillStyle = `oklch(78% .16 ${hue})`;
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }

  // The two heat maps around a time, and how far it is from the first to the second.
  between(seconds) {
    const { times } = this.data;
    let next = times.findIndex((time) => time > seconds);
    if (next < 0) next = Math.max(times.length - 1, 0);
    const last = Math.max(next - 1, 0);
    const gap = times[next] - times[last];
    const part = gap > 0 ? Math.min(Math.max((seconds - times[last]) / gap, 0), 1) : 0;
    return [last, next, part];
  }

  // How loud a stem is at a time, 0..1.
  loud(stem, seconds) {
    const count = this.loudness.length / this.data.labels.length;
    const share = (seconds - this.data.start) / this.data.seconds;
    if (share < 0 || share >= 1) return 0;
    return this.loudness[stem * count + Math.floor(share * count)] / 255;
  }

  // What of each stem belongs to a place at a time, 0..1 each: bilinear in the picture, linear in time.
  sharesAt(x, y, seconds) {
    const [last, next, part] = this.between(seconds);
    const [row, down] = this.cell(y, this.rows);
    const [column, right] = this.cell(x, this.columns);
    const value = (map, stem, r, c) =>
      this.shares[((map * this.sources + stem) * this.rows + r) * this.columns + c] / 255;
    const blend = (a, b, t) => a + (b - a) * t;
    const at = (map, stem) => {
      const below = Math.min(row + 1, this.rows - 1);
      const beside = Math.min(column + 1, this.columns - 1);
      return blend(
        blend(value(map, stem, row, column), value(map, stem, row, beside), right),
        blend(value(map, stem, below, column), value(map, stem, below, beside), right),
        down,
      );
    };
    return this.data.labels.map((_, stem) =>
      (stem < this.sources ? blend(at(last, stem), at(next, stem), part) : 0));
  }

  // The cell whose middle lies before a share of the picture, and how far the place is beyond it.
  cell(share, count) {
    const at = Math.min(Math.max(share * count - 0.5, 0), count - 1);
    const first = Math.min(Math.floor(at), count - 1);
    return [first, at - first];
  }

  // Where the picture lies in its box, which may be wider or higher: [left, top, width, height].
  frame() {
    const box = this.canvas.getBoundingClientRect();
    const scale = Math.min(box.width / this.player.width, box.height / this.player.height);
    const [width, height] = [scale * this.player.width, scale * this.player.height];
    return [(box.width - width) / 2, (box.height - height) / 2, width, height];
  }

  // The place under a pointer, null outside the picture.
  placeAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const [left, top, width, height] = this.frame();
    const x = (event.clientX - box.left - left) / width;
    const y = (event.clientY - box.top - top) / height;
    return x >= 0 && x <= 1 && y >= 0 && y <= 1 ? [x, y] : null;
  }

  draw(gains) {
    const box = this.canvas.getBoundingClientRect();
    const sharp = Math.min(window.devicePixelRatio || 1, 2);
    const [wide, high] = [Math.round(box.width * sharp), Math.round(box.height * sharp)];
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      Object.assign(this.canvas, { width: wide, height: high });
    }
    const brush = this.canvas.getContext("2d");
    brush.setTransform(1, 0, 0, 1, 0, 0);
    brush.clearRect(0, 0, wide, high);
    brush.scale(sharp, sharp);
    const frame = this.frame();
    if (this.shown) {
      this.paint(this.player.currentTime, gains);
      brush.imageSmoothingEnabled = true;
      brush.imageSmoothingQuality = "high";
      brush.drawImage(this.grid, ...frame);
    }
    if (this.place) this.mark(brush, frame);
  }

  // One pixel per cell. What is silent is dimmed; what sounds glows as strongly as the place is loud
  // now, in the mixed colours of whose sound it is.
  paint(seconds, gains) {
    if (!this.data.times.length) return;
    const [last, next, part] = this.between(seconds);
    const cells = this.rows * this.columns;
    const image = new ImageData(this.columns, this.rows);
    const loud = this.colours.map((_, s) => gains[s] * this.loud(s, seconds));
    for (let cell = 0; cell < cells; cell += 1) {
      const mixed = [0, 0, 0];
      let total = 0;
      for (let s = 0; s < this.sources; s += 1) {
        const [a, b] = [(last * this.sources + s) * cells + cell, (next * this.sources + s) * cells + cell];
        const glow = (loud[s] * (this.shares[a] * (1 - part) + this.shares[b] * part)) / 255;
        total += glow;
        for (let k = 0; k < 3; k += 1) mixed[k] += glow * this.colours[s][k];
      }
      const opacity = DIM + (GLOW - DIM) * Math.min(total, 1);
      const light = total > 0 ? (GLOW * Math.min(total, 1)) / opacity / total : 0;
      for (let k = 0; k < 3; k += 1) image.data[4 * cell + k] = mixed[k] * light;
      image.data[4 * cell + 3] = 255 * opacity;
    }
    this.grid.getContext("2d").putImageData(image, 0, 0);
  }

  // A ring around the place that is heard.
  mark(brush, [left, top, width, height]) {
    const [x, y] = [left + this.place[0] * width, top + this.place[1] * height];
    for (const [colour, line] of [["rgb(0 0 0 / .6)", 5], ["#fff", 2.5]]) {
      brush.beginPath();
      brush.arc(x, y, 15, 0, 2 * Math.PI);
      brush.moveTo(x + 2, y);
      brush.arc(x, y, 2, 0, 2 * Math.PI);
      Object.assign(brush, { strokeStyle: colour, lineWidth: line });
      brush.stroke();
    }
  }
};
})();
