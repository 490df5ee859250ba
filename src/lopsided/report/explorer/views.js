// What is shown of two geometries, `a` and `b`, each of which may be missing.

// Where the two maps are: the second is `pace` to the right of the first.
const MAP = { left: 2, top: 18, side: 166, pace: 190 };

const mapsDrawing = (geometry, label) => {
  const { left, top, side, pace } = MAP;
  return svg(
    "svg",
    { viewBox: "0 0 360 222", role: "img", "aria-label": label },
    geometry
      ? [
          cosineMap(cosines(geometry.classifiers), "classifiers", left, top, side),
          cosineMap(cosines(geometry.means), "class means", left + pace, top, side),
          legend(50, 196, 260),
        ]
      : [],
  );
};

// Says the cosines of two classes, which a pointer or arrow keys choose on a map.
const readable = (box, geometryOf, labelsOf, said) => {
  let cell = [0, 0];
  const say = () => {
    const geometry = geometryOf(),
      labels = labelsOf();
    if (!geometry) return;
    cell = cell.map((c) => Math.max(0, Math.min(labels.length - 1, c)));
    const [c, e] = cell,
      both = [geometry.classifiers, geometry.means].map((gram) => digits(cosines(gram)[c][e]));
    said.textContent =
      `${short(labels[c], 24)} and ${short(labels[e], 24)}: cosine of classifiers ${both[0]},` +
      ` of class means ${both[1]}.`;
  };
  box.addEventListener("pointermove", (event) => {
    const { left, top, width } = box.getBoundingClientRect(),
      unit = width / 360,
      k = labelsOf().length;
    const x = (event.clientX - left) / unit - MAP.left,
      y = (event.clientY - top) / unit - MAP.top;
    const inside = x % MAP.pace;
    if (x < 0 || y < 0 || y >= MAP.side || inside >= MAP.side || x >= MAP.pace + MAP.side) return;
    cell = [Math.floor((y * k) / MAP.side), Math.floor((inside * k) / MAP.side)];
    say();
  });
  box.addEventListener("keydown", (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[
      event.key
    ];
    if (!move) return;
    cell = cell.map((c, i) => c + move[i]);
    say();
    event.preventDefault();
  });
};

// The six profiles: title -> values of a geometry, and what their axis must show.
const PROFILE_VIEWS = [
  ["norms of classifiers", ({ classifiers }) => relativeNorms(classifiers), {}],
  ["norms of class means", ({ means }) => relativeNorms(means), {}],
  ["alignment cos(w, μ)", alignment, { high: 1 }],
  ["margins, 1 for the simplex", relativeMargins, { high: 1 }],
  ["spectrum of classifiers", ({ classifiers }) => spectrum(classifiers), { high: 1 }],
  ["spectrum of class means", ({ means }) => spectrum(means), { high: 1 }],
];

const sides = ({ a, b }) =>
  [
    ["a", a],
    ["b", b],
  ].filter(([, geometry]) => geometry);

const profileDrawing = ([title, values, range], geometries, labels) => {
  const numbered = title.startsWith("spectrum") ? labels.map((_, i) => String(i + 1)) : labels;
  return profile(
    title,
    sides(geometries).map(([side, geometry]) => [side, values(geometry)]),
    numbered,
    range,
  );
};

const row = (heading, cells) =>
  html(
    "tr",
    {},
    html("th", { scope: "row" }, heading),
    cells.map((cell) => html("td", {}, cell)),
  );

const table = (caption, columns, rows) =>
  html(
    "div",
    { class: "table", tabindex: 0, role: "region", "aria-label": caption },
    html(
      "table",
      {},
      html("caption", {}, caption),
      html(
        "thead",
        {},
        html(
          "tr",
          {},
          columns.map((column) => html("th", { scope: "col" }, column)),
        ),
      ),
      html("tbody", {}, rows),
    ),
  );

// How majorities differ from minorities, in A and in B.
const contrastTable = (geometries, counts) => {
  const rare = minorities(counts),
    shown = sides(geometries);
  const found = shown.map(([, { classifiers, means }]) => [
    contrast(classifiers, rare),
    contrast(means, rare),
  ]);
  const lines = [
    ["‖·‖², majority over minority", "ratio"],
    ["cosine of two majorities", "majority"],
    ["cosine of two minorities", "minority"],
    ["cosine across", "across"],
  ];
  const few = rare.filter(Boolean).length;
  return table(
    few
      ? `${few} minority ${few === 1 ? "class" : "classes"} of ${counts.length}: rare among these` +
          " counts, and at most half the largest; w: classifiers, μ: class means"
      : "No class is a minority: none is rare, and at most half as large as the largest",
    ["", ...shown.flatMap(([side]) => [`${side.toUpperCase()}: w`, `${side.toUpperCase()}: μ`])],
    lines.map(([text, name]) =>
      row(
        text,
        found.flatMap((pair) => pair.map((part) => digits(part[name]))),
      ),
    ),
  );
};

const distanceSentence = ({ a, b }) => {
  if (!a || !b) return "A distance needs both geometries.";
  const apart = distances(a, b);
  return (
    `Distance of A and B: classifiers ${digits(apart.classifiers)},` +
    ` class means ${digits(apart.means)}, logits` +
    ` ${digits(apart.logits)} (0: the same shape, 2: the opposite).`
  );
};

// All numbers of the profiles, one row a class.
const numbersTable = (geometries, counts, labels) => {
  const shown = sides(geometries),
    views = PROFILE_VIEWS.slice(0, 4);
  const columns = shown.flatMap(([side, geometry]) =>
    views.map(([title, values]) => [`${side.toUpperCase()}: ${title}`, values(geometry)]),
  );
  return table(
    "All numbers; norms over their root mean square",
    ["class", "samples", ...columns.map(([title]) => title)],
    labels.map((label, c) =>
      row(label, [grouped(counts[c]), ...columns.map(([, values]) => digits(values[c]))]),
    ),
  );
};

const percent = (share) =>
  share < 0.005
    ? "less than 1 %"
    : `${(100 * Math.min(1, share)).toFixed(share > 0.995 && share < 0.9999 ? 1 : 0)} %`;

const frameNote = (frame) => {
  const held = [
    ["classifiers", frame.held.classifiers, "are zero"],
    ["class means", frame.held.means, "coincide"],
  ];
  const some = held.filter(([, share]) => !Number.isNaN(share));
  const none = held.filter(([, share]) => Number.isNaN(share));
  const shares = some.map(([what, share]) => `${percent(share)} of the ${what}`);
  return [
    some.every(([, share]) => share > 0.9999)
      ? "All of it: three directions suffice."
      : `The top three directions hold ${shares.join(" and ")}.`,
    ...none.map(([what, , are]) => `All ${what} ${are}.`),
  ].join(" ");
};
