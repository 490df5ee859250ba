// Drawing: SVG elements without markup, so that no text can become any.

const SVG = "http://www.w3.org/2000/svg";

const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false)
      node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
};

const html = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

// A number in three digits, with a minus and not a hyphen.
const digits = (value) => {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text =
    size < 1e-12
      ? "0"
      : size >= 1e5 || size < 1e-3
        ? value.toExponential(1)
        : String(Number(value.toPrecision(3)));
  return text.replace("e+", "e").replaceAll("-", "−");
};

// A whole number with its thousands apart.
const grouped = (n) => n.toLocaleString("en");

// Text in which nothing turns the direction of writing or is not seen: what cannot be printed is
// written as its escape, as Python writes it.
const printable = (text) =>
  text.replace(/(?! )[\p{C}\p{Z}]/gu, (sign) => {
    const code = sign.codePointAt(0),
      [letter, width] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
    return `\\${letter}${code.toString(16).padStart(width, "0")}`;
  });

const short = (text, most) => {
  const shown = printable(text);
  return shown.length > most ? `${shown.slice(0, most - 1)}…` : shown;
};

const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;

// The outline of a sign of side A (a disc) or B (a hollow diamond); many make one path.
const outline = (side, x, y, size) => {
  if (side === "b") {
    const half = size + 1.3;
    return `M${x} ${y - half}l${half} ${half}l${-half} ${half}l${-half} ${-half}z`;
  }
  const arc = `a${size} ${size} 0 1 0`;
  return `M${x - size} ${y}${arc} ${2 * size} 0${arc} ${-2 * size} 0z`;
};

const sign = (side, d) => svg("path", { d, class: side });

// Ticks at round numbers that span a range.
const ticks = (low, high) => {
  const raw = (high - low) / 3 || 1,
    power = 10 ** Math.floor(Math.log10(raw));
  const pace = [1, 2, 5, 10].find((factor) => factor * power >= raw) * power;
  const first = Math.ceil(low / pace - 1e-9);
  return Array.from(
    { length: Math.floor(high / pace + 1e-9) - first + 1 },
    (_, i) => (first + i) * pace,
  );
};

// One value a class for each side.
const profile = (title, series, labels, { low = 0, high = -Infinity } = {}) => {
  const values = series.flatMap(([, numbers]) => [...numbers]).filter(Number.isFinite);
  const bottom = Math.min(low, ...values),
    top = Math.max(high, largest(values), bottom + 1e-9);
  const [left, right, height, k] = [34, 352, 128, labels.length];
  const x = (c) => left + ((right - left) * (c + 0.5)) / k,
    y = (value) => 24 + (height - 24) * (1 - (value - bottom) / (top - bottom));
  const few = k <= 10 ? [...labels.keys()] : [0, k - 1];
  return svg(
    "svg",
    { viewBox: "0 0 360 156", role: "img", "aria-label": `${title} of each class` },
    svg("text", { x: 0, y: 9, class: "title" }, title),
    ticks(bottom, top).flatMap((value) => [
      svg("path", { d: `M${left} ${y(value)}H${right}`, class: value === 0 ? "axis" : "grid" }),
      svg(
        "text",
        { x: left - 5, y: y(value) + 3.5, "text-anchor": "end", class: "tick" },
        digits(Number(value.toPrecision(6))),
      ),
    ]),
    few.map((c) =>
      svg(
        "text",
        {
          x: x(c),
          y: height + 15,
          class: "tick",
          "text-anchor": k <= 10 ? "middle" : c ? "end" : "start",
        },
        short(labels[c], k <= 6 ? 9 : k <= 10 ? 5 : 24),
      ),
    ),
    series.map(([side, numbers]) => {
      const shown = [...numbers.keys()].filter((c) => Number.isFinite(numbers[c]));
      const size = k > 40 ? 1.8 : 3;
      return sign(side, shown.map((c) => outline(side, x(c), y(numbers[c]), size)).join(""));
    }),
  );
};
