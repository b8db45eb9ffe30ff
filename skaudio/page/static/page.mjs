// A page that listens: recordings and the microphone, classified by an exported model of skaudio.
import * as ort from "./ort.wasm.bundle.min.mjs";

ort.env.wasm.wasmPaths = { wasm: new URL("./ort-wasm-simd-threaded.wasm", import.meta.url).href };
ort.env.wasm.numThreads = 1;

// Resampling -------------------------------------------------------------------------------------

// The filters of soxr's high quality, which Python resamples with: a windowed sinc (Kaiser). Between
// rates of a small ratio, such as 48 and 16 kHz, it is exactly this one; for others soxr works in
// stages, and the second one was fitted to its output (largest difference: 0.1 % of the level).
const SMALL_RATIO = { most: 4, cutoff: 0.956872, beta: 13.04, lobes: 8.30232, transition: 0.086256 };
const OTHERS = { cutoff: 0.956844, beta: 15.976, width: 109.674 };

function bessel(x) {
  let sum = 1, term = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function gcd(a, b) {
  return b ? gcd(b, a % b) : a;
}

/** Resample blocks that arrive one after the other, as if they were one recording. */
export class Resampler {
  constructor(from, to) {
    const divisor = gcd(Math.round(from), Math.round(to));
    this.up = Math.round(to) / divisor;
    this.down = Math.round(from) / divisor;
    const ratio = Math.min(1, to / from);
    const larger = Math.max(this.up, this.down);
    const isSmall = larger <= SMALL_RATIO.most;
    const { cutoff, beta } = isSmall ? SMALL_RATIO : OTHERS;
    // Half of the filter's length, in samples of the input.
    const width = isSmall
      ? (Math.ceil((SMALL_RATIO.lobes / SMALL_RATIO.transition) * larger + 1) + 0.5) / this.up
      : OTHERS.width / ratio;
    this.half = this.up === this.down ? 0 : Math.ceil(width);
    const norm = bessel(beta);
    this.phases = Array.from({ length: this.half ? this.up : 0 }, (_, phase) => {
      const taps = new Float64Array(2 * this.half + 1);
      for (let k = -this.half; k <= this.half; k++) {
        const x = k - phase / this.up;
        const inside = 1 - (x / width) ** 2;
        const angle = Math.PI * cutoff * ratio * x;
        const sinc = cutoff * ratio * (x === 0 ? 1 : Math.sin(angle) / angle);
        taps[k + this.half] = inside > 0 ? (sinc * bessel(beta * Math.sqrt(inside))) / norm : 0;
      }
      return taps;
    });
    this.held = new Float32Array(this.half); // zeros before the start
    this.nRead = 0;
    this.nMade = 0;
  }

  push(block) {
    if (this.half === 0) return block;
    this.nRead += block.length;
    return this.#make(block, Math.floor(((this.nRead - this.half - 1) * this.up) / this.down) + 1);
  }

  finish() {
    if (this.half === 0) return new Float32Array(0);
    const zeros = new Float32Array(2 * this.half + 1);
    return this.#make(zeros, Math.ceil((this.nRead * this.up) / this.down));
  }

  #make(block, end) {
    const known = new Float32Array(this.held.length + block.length);
    known.set(this.held);
    known.set(block, this.held.length);
    const origin = this.origin ?? -this.half; // the position of known[0] in the input
    const made = new Float32Array(Math.max(0, end - this.nMade));
    for (let n = 0; n < made.length; n++) {
      const position = (this.nMade + n) * this.down;
      const taps = this.phases[position % this.up];
      const first = Math.floor(position / this.up) - this.half - origin;
      let sum = 0;
      for (let k = 0; k < taps.length; k++) {
        sum += taps[k] * (known[first + k] ?? 0);
      }
      made[n] = sum;
    }
    this.nMade += made.length;
    const next = Math.floor((this.nMade * this.down) / this.up) - this.half;
    const used = Math.max(0, Math.min(known.length, next - origin));
    this.held = known.slice(used);
    this.origin = origin + used;
    return made;
  }
}

export function resample(samples, from, to) {
  const resampler = new Resampler(from, to);
  const parts = [resampler.push(samples), resampler.finish()];
  const whole = new Float32Array(parts[0].length + parts[1].length);
  whole.set(parts[0]);
  whole.set(parts[1], parts[0].length);
  return whole;
}

// Files ------------------------------------------------------------------------------------------

/** Read a plain WAV file, whose rate a browser's decoder would change; null for all others. */
export function readWav(buffer) {
  const view = new DataView(buffer);
  const name = (at) => String.fromCharCode(...new Uint8Array(buffer, at, 4));
  if (buffer.byteLength < 44 || name(0) !== "RIFF" || name(8) !== "WAVE") return null;
  let form = null;
  for (let at = 12; at + 8 <= buffer.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    if (name(at) === "fmt ") {
      let tag = view.getUint16(at + 8, true);
      if (tag === 0xfffe && size >= 40) tag = view.getUint16(at + 32, true);
      form = { tag, channels: view.getUint16(at + 10, true), rate: view.getUint32(at + 12, true), bits: view.getUint16(at + 22, true) };
    } else if (name(at) === "data" && form) {
      return mixDown(view, at + 8, Math.min(size, buffer.byteLength - at - 8), form);
    }
    at += 8 + size + (size % 2);
  }
  return null;
}

function mixDown(view, start, size, { tag, channels, rate, bits }) {
  const readers = {
    "1-8": (at) => (view.getUint8(at) - 128) / 128,
    "1-16": (at) => view.getInt16(at, true) / 32768,
    "1-24": (at) => ((view.getUint8(at) << 8) | (view.getInt16(at + 1, true) << 16)) / 2147483648,
    "1-32": (at) => view.getInt32(at, true) / 2147483648,
    "3-32": (at) => view.getFloat32(at, true),
    "3-64": (at) => view.getFloat64(at, true),
  };
  const read = readers[`${tag}-${bits}`];
  if (!read || !channels) return null;
  const step = bits / 8;
  const samples = new Float32Array(Math.floor(size / (step * channels)));
  for (let n = 0; n < samples.length; n++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += read(start + (n * channels + c) * step);
    samples[n] = sum / channels;
  }
  return { samples, rate };
}

/** The sampling rate of a FLAC, Ogg, MP4 or MP3 file: a browser's decoder would change any other. */
export function statedRate(bytes) {
  const head = bytes.subarray(0, 1048576);
  const find = (text, from = 0) => {
    const codes = Array.from(text, (letter) => letter.charCodeAt(0));
    const isHere = (_, at) => at >= from && codes.every((code, k) => head[at + k] === code);
    return head.findIndex(isHere);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (find("fLaC") === 0) return (head[18] << 12) | (head[19] << 4) | (head[20] >> 4);
  if (find("OggS") === 0) {
    const vorbis = find("\x01vorbis");
    return vorbis < 0 ? 48000 : view.getUint32(vorbis + 12, true);
  }
  if (find("ftyp") === 4) {
    // The header of each track is followed by its kind; a film has one of pictures as well.
    for (let at = find("mdhd"); at >= 0; at = find("mdhd", at + 4)) {
      const kind = find("hdlr", at) + 12;
      if (String.fromCharCode(...head.subarray(kind, kind + 4)) !== "soun") continue;
      return view.getUint32(at + (head[at + 4] ? 24 : 16));
    }
    return null;
  }
  let at = 0;
  if (find("ID3") === 0) at = 10 + ((head[6] << 21) | (head[7] << 14) | (head[8] << 7) | head[9]);
  if (bytes[at] !== 0xff || (bytes[at + 1] & 0xe0) !== 0xe0) return null;
  const version = (bytes[at + 1] >> 3) & 3; // MPEG 2.5, -, 2, 1
  const rate = [44100, 48000, 32000][(bytes[at + 2] >> 2) & 3];
  return rate ? rate / [4, 1, 2, 1][version] : null;
}

async function decode(buffer) {
  const wav = readWav(buffer);
  if (wav) return wav;
  const rate = statedRate(new Uint8Array(buffer)) ?? 48000;
  const decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(buffer);
  const samples = new Float32Array(decoded.length);
  for (let c = 0; c < decoded.numberOfChannels; c++) {
    decoded.getChannelData(c).forEach((value, n) => (samples[n] += value / decoded.numberOfChannels));
  }
  return { samples, rate };
}

// Detection --------------------------------------------------------------------------------------

/** Scores of windows that arrive one by one: smoothed as in skaudio.detection.SoundDetector. */
export class Smoothing {
  constructor(nWindows) {
    this.reach = Math.floor(nWindows / 2);
    this.rows = [];
    this.nMade = 0;
  }

  push(row) {
    this.rows.push(row);
    return this.#make(this.rows.length - this.reach);
  }

  finish() {
    return this.#make(this.rows.length);
  }

  #make(end) {
    const made = [];
    for (; this.nMade < end; this.nMade++) {
      const near = this.rows.slice(Math.max(0, this.nMade - this.reach), this.nMade + this.reach + 1);
      made.push(near[0].map((_, column) => near.reduce((sum, row) => sum + row[column], 0) / near.length));
    }
    return made;
  }
}

/** Events of one label: runs that reach half of the threshold, of which one window reaches it. */
export function findEvents(scores, column, label, { threshold, hop, duration, minGap, length }) {
  const runs = [];
  const gap = Math.max(1, minGap / hop - 1e-6);
  scores.forEach((row, index) => {
    const score = row[column];
    if (score < threshold / 2) return;
    const last = runs.at(-1);
    if (last && index - last.stop < gap) {
      last.stop = index + 1;
      last.peak = Math.max(last.peak, score);
    } else {
      runs.push({ first: index, stop: index + 1, peak: score });
    }
  });
  const margin = (duration - hop) / 2;
  return runs
    .filter((run) => run.peak >= threshold)
    .map((run) => ({
      start: run.first ? run.first * hop + margin : 0,
      end: Math.min(length, run.stop === scores.length ? length : run.stop * hop + margin),
      label,
      score: run.peak,
    }));
}

// The model --------------------------------------------------------------------------------------

export class Model {
  static async load(folder = new URL("./", import.meta.url).href) {
    const facts = await (await fetch(new URL("model.json", folder))).json();
    const session = await ort.InferenceSession.create(new URL("model.onnx", folder).href, {
      executionProviders: ["wasm"],
    });
    return new Model(session, facts);
  }

  constructor(session, facts) {
    this.session = session;
    this.facts = facts;
    this.classes = facts.classes.map(String);
    this.rate = facts.sample_rate;
    this.nSamples = facts.shape[0];
    this.step = Math.min(this.nSamples, Math.max(1, Math.round(facts.hop * this.rate)));
    this.hop = this.step / this.rate;
    this.duration = this.nSamples / this.rate;
    const smoothing = 0.3 * this.duration;
    this.nSmoothed = 2 * Math.floor(smoothing / this.hop / 2 + 1e-6) + 1;
    this.labels = this.classes.map((_, index) => index).filter((index) => this.classes[index] !== "unknown");
  }

  /** Probabilities of one window, zero if the model rejects it. */
  async predict(clip) {
    const feeds = { waveforms: new ort.Tensor("float32", clip, [1, this.nSamples]) };
    const outputs = await this.session.run(feeds);
    const isKnown = !outputs.index || Number(outputs.index.data[0]) >= 0;
    return Array.from(outputs.probabilities.data, (value) => (isKnown ? value : 0));
  }
}

/** The windows of a recording that arrives in blocks, their probabilities, and what is found. */
export class Listener {
  constructor(model, rate) {
    this.model = model;
    this.resampler = new Resampler(rate, model.rate);
    this.samples = new Float32Array(0);
    this.offset = 0; // of samples[0] in the recording
    this.nSamples = 0;
    this.nWindows = 0;
    this.raw = [];
    this.scores = [];
    this.smoothing = new Smoothing(model.nSmoothed);
    this.onSamples = () => {};
  }

  async push(block) {
    this.#keep(this.resampler.push(block));
    while (this.nWindows * this.model.step + this.model.nSamples <= this.nSamples) await this.#score();
  }

  async finish() {
    this.#keep(this.resampler.finish());
    const { step, nSamples } = this.model;
    const n = Math.max(1, Math.ceil((this.nSamples - nSamples) / step) + 1);
    while (this.nWindows < n) await this.#score();
    this.scores.push(...this.smoothing.finish());
  }

  get length() {
    return this.nSamples / this.model.rate;
  }

  events(threshold) {
    const { hop, duration, classes, labels } = this.model;
    const options = { threshold, hop, duration, minGap: 0.3, length: this.length };
    return labels
      .flatMap((column) => findEvents(this.scores, column, classes[column], options))
      .sort((a, b) => a.start - b.start);
  }

  #keep(samples) {
    if (!samples.length) return;
    const from = Math.max(0, this.nWindows * this.model.step - this.offset);
    const whole = new Float32Array(this.samples.length - from + samples.length);
    whole.set(this.samples.subarray(from));
    whole.set(samples, this.samples.length - from);
    this.samples = whole;
    this.offset += from;
    this.nSamples += samples.length;
    this.onSamples(samples);
  }

  async #score() {
    const clip = new Float32Array(this.model.nSamples);
    const first = this.nWindows * this.model.step - this.offset;
    clip.set(this.samples.subarray(first, first + this.model.nSamples));
    this.nWindows += 1;
    const power = clip.reduce((sum, value) => sum + value * value, 0) / clip.length;
    const row = power < 1e-8 ? this.model.classes.map(() => 0) : await this.model.predict(clip);
    this.raw.push(row);
    this.scores.push(...this.smoothing.push(row));
  }
}

// Pictures ---------------------------------------------------------------------------------------

const SHOWN = 10; // seconds
const MOST_COLUMNS = 3000;
const N_FFT = 512;
const COLORS = ["#2f7ed8", "#e8710a", "#2ca02c", "#c2185b", "#8e5bd0", "#8c6d31", "#17a2b8", "#9aa52a"];

function magma(value) {
  const stops = [[0, 0, 4], [60, 15, 112], [140, 41, 129], [222, 73, 104], [254, 159, 109], [252, 253, 191]];
  const at = Math.min(0.9999, Math.max(0, value)) * (stops.length - 1);
  const low = Math.floor(at);
  return stops[low].map((start, c) => start + (at - low) * (stops[low + 1][c] - start));
}

/** Power spectrum of a frame, by a real fast Fourier transform of a power of two. */
export function spectrum(frame) {
  const n = frame.length;
  const real = Float64Array.from(frame, (value, k) => value * (0.5 - 0.5 * Math.cos((2 * Math.PI * k) / n)));
  const imaginary = new Float64Array(n);
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [real[i], real[j]] = [real[j], real[i]];
  }
  for (let length = 2; length <= n; length <<= 1) {
    const angle = (-2 * Math.PI) / length;
    for (let start = 0; start < n; start += length) {
      for (let k = 0; k < length / 2; k++) {
        const [c, s] = [Math.cos(angle * k), Math.sin(angle * k)];
        const [a, b] = [start + k, start + k + length / 2];
        const [x, y] = [real[b] * c - imaginary[b] * s, real[b] * s + imaginary[b] * c];
        [real[b], imaginary[b]] = [real[a] - x, imaginary[a] - y];
        [real[a], imaginary[a]] = [real[a] + x, imaginary[a] + y];
      }
    }
  }
  return Float64Array.from({ length: n / 2 + 1 }, (_, k) => real[k] ** 2 + imaginary[k] ** 2);
}

class Pictures {
  /** For a recording of this many seconds, or for one without end, of which the last part is kept. */
  constructor(model, seconds) {
    this.model = model;
    this.columns = []; // of the spectrogram
    this.peaks = []; // lowest and highest sample of each hop of the spectrogram
    this.nDropped = 0; // columns that are no longer kept
    this.rest = new Float32Array(0);
    this.most = seconds === Infinity ? 2 * SHOWN * 100 : Infinity;
    const perColumn = seconds === Infinity ? 0.01 : Math.max(0.01, seconds / MOST_COLUMNS);
    this.hop = Math.max(1, Math.round(model.rate * perColumn));
  }

  push(samples) {
    const known = new Float32Array(this.rest.length + samples.length);
    known.set(this.rest);
    known.set(samples, this.rest.length);
    let at = 0;
    for (; at + Math.max(N_FFT, this.hop) <= known.length; at += this.hop) {
      const powers = spectrum(known.subarray(at, at + N_FFT));
      this.columns.push(Float32Array.from(powers, (power) => 10 * Math.log10(power + 1e-10)));
      let [low, high] = [Infinity, -Infinity];
      for (let n = at; n < at + this.hop; n++) {
        low = Math.min(low, known[n]);
        high = Math.max(high, known[n]);
      }
      this.peaks.push([low, high]);
    }
    this.rest = known.slice(at);
    if (this.columns.length > 2 * this.most) {
      this.nDropped += this.columns.length - this.most;
      this.columns = this.columns.slice(-this.most);
      this.peaks = this.peaks.slice(-this.most);
    }
  }

  draw(listener, threshold, from, isWhole) {
    const seconds = isWhole ? Math.max(listener.length, 0.5) : SHOWN;
    const perColumn = this.hop / this.model.rate;
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const columns = [from, from + seconds].map((time) => Math.floor(time / perColumn) - this.nDropped);
    const range = [Math.max(0, columns[0]), columns[1]];
    this.#waveform(range, color("--wave"));
    this.#spectrogram(range);
    this.#scores(listener, threshold, from, seconds, color("--quiet"));
    this.#timeline(listener, threshold, from, seconds);
    document.getElementById("from").textContent = `${from.toFixed(1)} s`;
    document.getElementById("to").textContent = `${(from + seconds).toFixed(1)} s`;
  }

  #canvas(id) {
    const canvas = document.getElementById(id);
    const scale = window.devicePixelRatio || 1;
    const height = Number(canvas.getAttribute("data-height") ?? canvas.height);
    canvas.setAttribute("data-height", height);
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(canvas.clientWidth * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    return [context, canvas.width, canvas.height, scale];
  }

  #waveform([first, stop], color) {
    const [context, width, height] = this.#canvas("waveform");
    context.fillStyle = color;
    for (let x = 0; x < width; x++) {
      const a = first + Math.floor((x * (stop - first)) / width);
      const b = Math.max(a + 1, first + Math.floor(((x + 1) * (stop - first)) / width));
      const here = this.peaks.slice(a, b);
      if (!here.length) break;
      const low = Math.min(...here.map((peak) => peak[0]));
      const high = Math.max(...here.map((peak) => peak[1]));
      context.fillRect(x, (height / 2) * (1 - high), 1, Math.max(1, (height / 2) * (high - low)));
    }
  }

  #spectrogram([first, stop]) {
    const [context, width, height] = this.#canvas("spectrogram");
    const shown = this.columns.slice(Math.max(0, first), stop);
    if (!shown.length) return;
    const top = Math.max(...shown.map((column) => Math.max(...column)));
    const image = context.createImageData(width, height);
    for (let x = 0; x < width; x++) {
      const column = this.columns[first + Math.floor((x * (stop - first)) / width)];
      if (!column) break;
      for (let y = 0; y < height; y++) {
        const band = Math.floor(((height - 1 - y) / height) * column.length);
        const [r, g, b] = magma(1 + (column[band] - top) / 80);
        image.data.set([r, g, b, 255], 4 * (y * width + x));
      }
    }
    context.putImageData(image, 0, 0);
  }

  #scores(listener, threshold, from, seconds, quiet) {
    const [context, width, height, scale] = this.#canvas("scores");
    const y = (score) => height * (1 - 0.96 * score - 0.02);
    context.lineWidth = 2 * scale;
    context.strokeStyle = quiet;
    context.setLineDash([6 * scale, 4 * scale]);
    context.beginPath();
    context.moveTo(0, y(threshold));
    context.lineTo(width, y(threshold));
    context.stroke();
    context.setLineDash([]);
    this.model.labels.forEach((column, index) => {
      context.strokeStyle = COLORS[index % COLORS.length];
      context.beginPath();
      listener.scores.forEach((row, window) => {
        const time = window * this.model.hop + this.model.duration / 2;
        context.lineTo(((time - from) / seconds) * width, y(row[column]));
      });
      context.stroke();
    });
  }

  #timeline(listener, threshold, from, seconds) {
    const [context, width, height, scale] = this.#canvas("timeline");
    context.font = `${12 * scale}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    for (const event of listener.events(threshold)) {
      const index = this.model.labels.findIndex((column) => this.model.classes[column] === event.label);
      const left = ((event.start - from) / seconds) * width;
      const right = ((event.end - from) / seconds) * width;
      context.fillStyle = COLORS[index % COLORS.length];
      context.fillRect(left, 0, Math.max(2, right - left), height);
      context.fillStyle = "#ffffff";
      context.save();
      context.beginPath();
      context.rect(left, 0, right - left, height);
      context.clip();
      context.fillText(event.label, left + 4 * scale, height / 2);
      context.restore();
    }
  }
}

// The page ---------------------------------------------------------------------------------------

class Page {
  constructor(model) {
    this.model = model;
    this.element = (id) => document.getElementById(id);
    this.threshold = Number(this.element("threshold").value);
    this.audio = null;
    this.nTold = 0;
    const { labels, classes } = model;
    this.element("title").textContent = model.facts.title;
    document.title = model.facts.title;
    this.element("about").textContent =
      `Finds ${labels.map((column) => classes[column]).join(", ")}, in windows of ${model.duration.toFixed(2)} s.`;
    this.bars = labels.map((column, index) => this.#bar(classes[column], COLORS[index % COLORS.length]));
    this.element("file").addEventListener("change", (event) => this.open(event.target.files[0]));
    this.element("microphone").addEventListener("click", () => this.#toggle());
    this.element("threshold").addEventListener("input", (event) => this.#setThreshold(Number(event.target.value)));
    this.element("play").addEventListener("click", () => this.#play());
    this.element("save").addEventListener("click", () => this.#save());
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) this.open(event.dataTransfer.files[0]);
    });
    window.addEventListener("resize", () => this.#draw());
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    this.#setThreshold(model.facts.threshold ?? 0.5);
  }

  #bar(name, color) {
    const row = document.createElement("div");
    row.className = "label";
    row.style.setProperty("--color", color);
    row.innerHTML = '<span class="name"></span><span class="bar" role="meter" aria-valuemin="0" aria-valuemax="1"><span></span></span><span class="value">0.00</span>';
    row.querySelector(".name").textContent = name;
    row.querySelector(".bar").setAttribute("aria-label", `Probability of ${name}`);
    this.element("labels").append(row);
    return row;
  }

  #setThreshold(value) {
    this.threshold = value;
    this.element("threshold").value = value;
    this.element("threshold-value").textContent = value.toFixed(2);
    if (this.listener) this.#update();
  }

  #say(text) {
    this.element("status").textContent = text;
  }

  #begin(rate, seconds) {
    this.listener = new Listener(this.model, rate);
    this.pictures = new Pictures(this.model, seconds);
    this.listener.onSamples = (samples) => this.pictures.push(samples);
    this.nTold = 0;
    this.isWhole = false;
    this.element("play").disabled = true;
    return this.listener;
  }

  async open(file) {
    if (!file) return;
    this.chosen = file; // another one may be chosen while this one is read or heard
    await this.stop();
    this.#say(`Reading ${file.name} …`);
    try {
      const { samples, rate } = await decode(await file.arrayBuffer());
      if (this.chosen !== file) return;
      const listener = this.#begin(rate, samples.length / rate);
      this.recording = { samples, rate };
      for (let at = 0; at < samples.length; at += rate) {
        await listener.push(samples.subarray(at, at + rate));
        if (this.chosen !== file) return;
        const share = Math.round((100 * Math.min(at + rate, samples.length)) / samples.length);
        this.#say(`Listening to ${file.name}: ${share} %`);
        this.#update();
        await new Promise((resolve) => setTimeout(resolve));
      }
      await listener.finish();
      if (this.chosen !== file) return;
      this.isWhole = true;
      this.element("play").disabled = false;
      this.#update();
      const n = this.listener.events(this.threshold).length;
      this.#say(`${file.name}: ${this.listener.length.toFixed(1)} s, ${n} found.`);
    } catch (error) {
      if (this.chosen === file) this.#say(`${file.name} cannot be read: ${error.message}`);
    }
  }

  async #toggle() {
    if (this.isOpening) return;
    if (this.audio) {
      await this.stop();
      this.#say("The microphone is off.");
      return;
    }
    this.isOpening = true;
    let stream;
    try {
      const wanted = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
      const context = new AudioContext();
      const code = `registerProcessor("tap", class extends AudioWorkletProcessor {
        process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
      });`;
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
      const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
      context.createMediaStreamSource(stream).connect(tap);
      this.recording = this.chosen = null;
      this.#begin(context.sampleRate, Infinity);
      this.audio = { stream, context };
      this.element("microphone").setAttribute("aria-pressed", "true");
      this.element("microphone").textContent = "Stop the microphone";
      this.#say(`Listening at ${context.sampleRate} Hz.`);
      let blocks = [];
      let isBusy = false;
      tap.port.onmessage = async ({ data }) => {
        blocks.push(data);
        if (isBusy) return;
        isBusy = true;
        while (blocks.length && this.audio) {
          const block = new Float32Array(blocks.reduce((n, each) => n + each.length, 0));
          let at = 0;
          for (const each of blocks) {
            block.set(each, at);
            at += each.length;
          }
          blocks = [];
          try {
            await this.listener.push(block);
          } catch (error) {
            this.#say(`The microphone cannot be heard: ${error.message}`);
            await this.stop();
          }
        }
        isBusy = false;
      };
      let drawn = 0;
      const frame = (time) => {
        if (!this.audio) return;
        if (time - drawn >= 50) {
          this.#update();
          drawn = time;
        }
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    } catch (error) {
      if (stream) stream.getTracks().forEach((track) => track.stop());
      this.#say(`The microphone cannot be opened: ${error.message}`);
    } finally {
      this.isOpening = false;
    }
  }

  async stop() {
    if (this.source) this.source.stop();
    if (!this.audio) return;
    const { stream, context } = this.audio;
    this.audio = null;
    stream.getTracks().forEach((track) => track.stop());
    await context.close();
    this.element("microphone").setAttribute("aria-pressed", "false");
    this.element("microphone").textContent = "Start the microphone";
  }

  #play() {
    const context = new AudioContext();
    const { samples, rate } = this.recording;
    const buffer = context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    this.source = context.createBufferSource();
    this.source.buffer = buffer;
    this.source.connect(context.destination);
    this.source.onended = () => context.close();
    this.source.start();
  }

  #update() {
    const latest = this.listener.raw.at(-1);
    if (latest) {
      this.model.labels.forEach((column, index) => {
        const highest = (most, row) => Math.max(most, row[column]);
        const value = this.isWhole ? this.listener.scores.reduce(highest, 0) : latest[column];
        const bar = this.bars[index];
        bar.querySelector(".bar > span").style.width = `${100 * value}%`;
        bar.querySelector(".bar").setAttribute("aria-valuenow", value.toFixed(2));
        bar.querySelector(".value").textContent = value.toFixed(2);
      });
    }
    this.#list();
    this.#draw();
  }

  #list() {
    const events = this.listener.events(this.threshold);
    this.element("nothing").hidden = events.length > 0;
    this.element("save").disabled = events.length === 0;
    const rows = events.map((event) => {
      const row = document.createElement("tr");
      for (const text of [event.start.toFixed(2), event.end.toFixed(2), event.label, event.score.toFixed(2)]) {
        row.append(Object.assign(document.createElement("td"), { textContent: text }));
      }
      return row;
    });
    this.element("events").replaceChildren(...rows.reverse());
    if (this.audio && events.length > this.nTold) this.#say(`${events.at(-1).label} at ${events.at(-1).start.toFixed(1)} s`);
    this.nTold = events.length;
  }

  #draw() {
    if (!this.listener) return;
    const from = this.isWhole ? 0 : Math.max(0, this.listener.length - SHOWN);
    this.pictures.draw(this.listener, this.threshold, from, this.isWhole);
  }

  #save() {
    const lines = this.listener.events(this.threshold).map((e) => `${e.start.toFixed(6)}\t${e.end.toFixed(6)}\t${e.label}\n`);
    const url = URL.createObjectURL(new Blob(lines, { type: "text/plain" }));
    Object.assign(document.createElement("a"), { href: url, download: "labels.txt" }).click();
    URL.revokeObjectURL(url);
  }
}

if (document.getElementById("file")) {
  try {
    window.page = new Page(await Model.load());
    document.body.dataset.ready = "yes";
  } catch (error) {
    document.getElementById("about").textContent = `The model cannot be loaded: ${error.message}`;
  }
}
