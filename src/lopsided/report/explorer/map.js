// The map of cosines: colors, hatching for what is negative, and its legend.

const blend = (from, to, share) =>
  `rgb(${from.map((value, i) => Math.round(value + share * (to[i] - value))).join(",")})`;

// Cosine -> color: paper at 0, and away from it in lightness as in hue; hatching marks what is
// negative, so that the map reads without color.
const mapColor = (level) => {
  const [paper, plus, minus] = dark()
    ? [
        [38, 37, 35],
        [255, 176, 112],
        [130, 190, 250],
      ]
    : [
        [247, 245, 240],
        [140, 45, 4],
        [8, 69, 148],
      ];
  return blend(paper, level < 0 ? minus : plus, Math.abs(level));
};

// Count -> color, from the rarest to the largest class.
const countColor = (share) => {
  const [rare, large] = dark()
    ? [
        [255, 176, 112],
        [130, 190, 250],
      ]
    : [
        [176, 72, 10],
        [16, 72, 140],
      ];
  return blend(rare, large, share);
};

const LEVELS = 24;

// Squares of one level in one path: rows of equal neighbors are one rectangle.
const cells = (cosine, side) => {
  const paths = new Map(),
    k = cosine.length,
    cell = side / k;
  cosine.forEach((row, c) => {
    for (let e = 0, start = 0; e <= k; e++) {
      const level = (value) =>
        Math.round(LEVELS * Math.sign(value) * Math.sqrt(Math.min(1, Math.abs(value))));
      if (e < k && e > start && level(row[e]) === level(row[start])) continue;
      if (e > start) {
        const found = level(row[start]),
          width = ((e - start) * cell).toFixed(2);
        if (Number.isFinite(found)) {
          const corner = `M${(start * cell).toFixed(2)} ${(c * cell).toFixed(2)}`;
          const path = `${corner}h${width}v${cell.toFixed(2)}h-${width}z`;
          paths.set(found, (paths.get(found) || "") + path);
        }
      }
      start = e;
    }
  });
  return paths;
};

let drawings = 0;

// Stripes by which negative cosines are told without color.
const hatching = (id) =>
  svg(
    "defs",
    {},
    svg(
      "pattern",
      { id, width: 4, height: 4, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      svg("path", { d: "M0 0V4", class: "hatch" }),
    ),
  );

// The map of all cosines of a Gram matrix.
const cosineMap = (cosine, title, x, y, side) => {
  const hatch = `hatch-${drawings++}`,
    k = cosine.length,
    cell = side / k,
    paths = cells(cosine, side);
  const negative = [...paths]
    .filter(([level]) => level < 0)
    .map(([, path]) => path)
    .join("");
  const numbers =
    k > 6
      ? []
      : cosine.flatMap((row, c) =>
          [...row].map((value, e) =>
            svg(
              "text",
              {
                x: (e + 0.5) * cell,
                y: (c + 0.5) * cell + 3.5,
                class: "cell",
                "text-anchor": "middle",
                fill: Math.abs(value) > 0.3 !== dark() ? "#fff" : "#000",
              },
              Number.isFinite(value) ? written(value) : "",
            ),
          ),
        );
  return svg(
    "g",
    { transform: `translate(${x} ${y})` },
    hatching(hatch),
    svg("text", { y: -6, class: "title" }, title),
    svg("rect", { width: side, height: side, class: "empty" }),
    [...paths].map(([level, path]) => svg("path", { d: path, fill: mapColor(level / LEVELS) })),
    svg("path", { d: negative, fill: `url(#${hatch})` }),
    numbers,
  );
};

// A cosine as papers write it; what rounds to zero has no sign.
const written = (value) =>
  (Number(value.toFixed(2)) || 0).toFixed(2).replace("-", "−").replace("0.", ".");

const legend = (x, y, width) => {
  const steps = [-1, -0.25, -0.06, 0, 0.06, 0.25, 1],
    hatch = `hatch-${drawings++}`,
    cell = width / steps.length;
  return svg(
    "g",
    { transform: `translate(${x} ${y})` },
    hatching(hatch),
    steps.flatMap((value, i) => {
      const box = { x: i * cell, width: cell, height: 8 };
      return [
        svg("rect", { ...box, fill: mapColor(Math.sign(value) * Math.sqrt(Math.abs(value))) }),
        value < 0 ? svg("rect", { ...box, fill: `url(#${hatch})` }) : null,
        svg(
          "text",
          { x: (i + 0.5) * cell, y: 19, "text-anchor": "middle", class: "tick" },
          digits(value),
        ),
      ];
    }),
  );
};
