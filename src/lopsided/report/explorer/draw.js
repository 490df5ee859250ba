// Drawing: SVG elements without markup, so that no text can become any.

const SVG = "http://www.w3.org/2000/svg";

const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
};

const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// A number in three digits, with a minus and not a hyphen.
const digits = (value) => {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text = size < 1e-12 ? "0" : size >= 1e5 || size < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replace("e+", "e").replaceAll("-", "−");
};

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;

const blend = (from, to, share) =>
  `rgb(${from.map((value, i) => Math.round(value + share * (to[i] - value))).join(",")})`;

// Cosine -> color: paper at 0, and away from it in lightness as in hue; hatching marks what is
// negative, so that the map reads without color.
const mapColor = (level) => {
  const [paper, plus, minus] = dark()
    ? [[38, 37, 35], [255, 176, 112], [130, 190, 250]] : [[247, 245, 240], [140, 45, 4], [8, 69, 148]];
  return blend(paper, level < 0 ? minus : plus, Math.abs(level));
};

// Count -> color, from the rarest to the largest class.
const countColor = (share) => {
  const [rare, large] = dark() ? [[255, 176, 112], [130, 190, 250]] : [[176, 72, 10], [16, 72, 140]];
  return blend(rare, large, share);
};

const LEVELS = 24;

// Squares of one level in one path: rows of equal neighbors are one rectangle.
const cells = (cosine, side) => {
  const paths = new Map(), k = cosine.length, cell = side / k;
  cosine.forEach((row, c) => {
    for (let e = 0, start = 0; e <= k; e++) {
      const level = (value) => Math.round(LEVELS * Math.sign(value) * Math.sqrt(Math.min(1, Math.abs(value))));
      if (e < k && e > start && level(row[e]) === level(row[start])) continue;
      if (e > start) {
        const found = level(row[start]), width = ((e - start) * cell).toFixed(2);
        if (Number.isFinite(found)) {
          const path = `M${(start * cell).toFixed(2)} ${(c * cell).toFixed(2)}h${width}v${cell.toFixed(2)}h-${width}z`;
          paths.set(found, (paths.get(found) || "") + path);
        }
      }
      start = e;
    }
  });
  return paths;
};

let drawings = 0;

// The map of all cosines of a Gram matrix.
const cosineMap = (cosine, title, x, y, side) => {
  const hatch = `hatch-${drawings++}`, k = cosine.length, cell = side / k, paths = cells(cosine, side);
  const negative = [...paths].filter(([level]) => level < 0).map(([, path]) => path).join("");
  const numbers = k > 6 ? [] : cosine.flatMap((row, c) => [...row].map((value, e) => svg("text", {
    x: (e + 0.5) * cell, y: (c + 0.5) * cell + 3.5, class: "cell", "text-anchor": "middle",
    fill: Math.abs(value) > 0.3 !== dark() ? "#fff" : "#000",
  }, Number.isFinite(value) ? value.toFixed(2).replace("-", "−").replace("0.", ".") : "")));
  return svg("g", { transform: `translate(${x} ${y})` },
    svg("defs", {}, svg("pattern", { id: hatch, width: 4, height: 4, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      svg("path", { d: "M0 0V4", class: "hatch" }))),
    svg("text", { y: -6, class: "title" }, title),
    svg("rect", { width: side, height: side, class: "empty" }),
    [...paths].map(([level, path]) => svg("path", { d: path, fill: mapColor(level / LEVELS) })),
    svg("path", { d: negative, fill: `url(#${hatch})` }),
    numbers);
};

const legend = (x, y, width) => {
  const steps = [-1, -0.25, -0.06, 0, 0.06, 0.25, 1], hatch = `hatch-${drawings++}`, cell = width / steps.length;
  return svg("g", { transform: `translate(${x} ${y})` },
    svg("defs", {}, svg("pattern", { id: hatch, width: 4, height: 4, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      svg("path", { d: "M0 0V4", class: "hatch" }))),
    steps.flatMap((value, i) => {
      const box = { x: i * cell, width: cell, height: 8 };
      return [
        svg("rect", { ...box, fill: mapColor(Math.sign(value) * Math.sqrt(Math.abs(value))) }),
        value < 0 ? svg("rect", { ...box, fill: `url(#${hatch})` }) : null,
        svg("text", { x: (i + 0.5) * cell, y: 19, "text-anchor": "middle", class: "tick" }, digits(value)),
      ];
    }));
};

// A sign of side A (a disc) or B (a hollow diamond).
const sign = (side, x, y, size = 3) => (side === "a"
  ? svg("circle", { cx: x, cy: y, r: size, class: "a" })
  : svg("path", { d: `M${x} ${y - size - 1.3}l${size + 1.3} ${size + 1.3}l${-size - 1.3} ${size + 1.3}l${-size - 1.3} ${-size - 1.3}z`, class: "b" }));

// Ticks at round numbers that span a range.
const ticks = (low, high) => {
  const raw = (high - low) / 3 || 1, power = 10 ** Math.floor(Math.log10(raw));
  const pace = [1, 2, 5, 10].find((factor) => factor * power >= raw) * power;
  const first = Math.ceil(low / pace - 1e-9);
  return Array.from({ length: Math.floor(high / pace + 1e-9) - first + 1 }, (_, i) => (first + i) * pace);
};

// One value a class for each side.
const profile = (title, series, labels, { low = 0, high = -Infinity } = {}) => {
  const values = series.flatMap(([, numbers]) => [...numbers]).filter(Number.isFinite);
  const bottom = Math.min(low, ...values), top = Math.max(high, largest(values), bottom + 1e-9);
  const [left, right, height, k] = [34, 352, 128, labels.length];
  const x = (c) => left + (right - left) * (c + 0.5) / k, y = (value) => 24 + (height - 24) * (1 - (value - bottom) / (top - bottom));
  const few = k <= 10 ? [...labels.keys()] : [0, k - 1];
  return svg("svg", { viewBox: "0 0 360 156", role: "img", "aria-label": `${title} of each class` },
    svg("text", { x: 0, y: 9, class: "title" }, title),
    ticks(bottom, top).flatMap((value) => [
      svg("path", { d: `M${left} ${y(value)}H${right}`, class: value === 0 ? "axis" : "grid" }),
      svg("text", { x: left - 5, y: y(value) + 3.5, "text-anchor": "end", class: "tick" }, digits(Number(value.toPrecision(6)))),
    ]),
    few.map((c) => svg("text", {
      x: x(c), y: height + 15, class: "tick", "text-anchor": k <= 10 ? "middle" : c ? "end" : "start",
    }, short(labels[c], k <= 6 ? 9 : k <= 10 ? 5 : 24))),
    series.map(([side, numbers]) => svg("g", {}, [...numbers].map((value, c) =>
      (Number.isFinite(value) ? sign(side, x(c), y(value), k > 40 ? 1.8 : 3) : null)))));
};
