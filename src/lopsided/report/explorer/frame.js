// The frame: classifiers and class means as arrows in three directions, turned by pointer, keys or
// by itself.

const rotated = ([x, y, z], { yaw, pitch }) => {
  const [c, s, u, v] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const [across, deep] = [c * x + s * z, c * z - s * x];
  return [across, u * y - v * deep, u * deep + v * y];
};

// Where a text stands to its tip, by how much sideways that points.
const aside = (across, out) =>
  Math.abs(across) < 0.4 * out ? "middle" : across > 0 ? "start" : "end";

// Arrows from the far to the near ones; classifiers end in discs, class means in rings.
const frameDrawing = (frame, counts, labels, view, label) => {
  const [center, reach] = [[180, 140], 118];
  const all = [...frame.classifiers, ...frame.means].filter((row) => row.every(Number.isFinite));
  const scale = reach / Math.max(1e-12, ...all.map((row) => Math.sqrt(dot(row, row))));
  const logs = counts.map(Math.log),
    least = -largest(logs.map((value) => -value));
  const share = (c) => (largest(logs) > least ? (logs[c] - least) / (largest(logs) - least) : 1);
  const arrows = ["classifiers", "means"]
    .flatMap((kind) => frame[kind].map((row, c) => ({ kind, c, row })))
    .filter(({ row }) => row.every(Number.isFinite))
    .map(({ kind, c, row }) => {
      const [x, y, z] = rotated(row, view);
      return {
        kind,
        c,
        x: center[0] + scale * x,
        y: center[1] - scale * y,
        z: (scale * z) / reach,
      };
    })
    .sort((p, q) => p.z - q.z);
  const named = labels.length <= 12;
  return svg(
    "svg",
    { viewBox: "0 0 360 280", role: "img", "aria-label": label },
    arrows.map(({ kind, c, x, y, z }) => {
      const color = countColor(share(c)),
        own = kind === "classifiers",
        out = Math.hypot(x - center[0], y - center[1]) || 1;
      const line = {
        d: `M${center}L${x.toFixed(1)} ${y.toFixed(1)}`,
        stroke: color,
        fill: "none",
        "stroke-width": own ? 2.2 : 1.4,
        "stroke-dasharray": own ? null : "5 4",
      };
      const tip = {
        cx: x.toFixed(1),
        cy: y.toFixed(1),
        r: 4 + z,
        stroke: color,
        "stroke-width": 1.6,
      };
      return svg(
        "g",
        { opacity: (0.72 + 0.28 * z).toFixed(2) },
        svg("path", line),
        svg("circle", { ...tip, fill: own ? color : "none", class: own ? "" : "ring" }),
        own && named && out > 24
          ? svg(
              "text",
              {
                class: "name",
                "text-anchor": aside(x - center[0], out),
                x: (x + (9 * (x - center[0])) / out).toFixed(1),
                y: (y + (13 * (y - center[1])) / out + 4).toFixed(1),
              },
              short(labels[c], 10),
            )
          : null,
      );
    }),
    svg("circle", { cx: center[0], cy: center[1], r: 1.6, class: "dot" }),
  );
};

// Lets a box be turned: `moved` is told the change of yaw and pitch.
const turnable = (box, moved) => {
  let last = null;
  const keys = {
    ArrowLeft: [-0.12, 0],
    ArrowRight: [0.12, 0],
    ArrowUp: [0, 0.12],
    ArrowDown: [0, -0.12],
  };
  box.addEventListener("pointerdown", (event) => {
    last = [event.clientX, event.clientY];
    box.setPointerCapture(event.pointerId);
  });
  box.addEventListener("pointermove", (event) => {
    if (!last) return;
    moved((event.clientX - last[0]) / 120, (event.clientY - last[1]) / -120);
    last = [event.clientX, event.clientY];
  });
  for (const name of ["pointerup", "pointercancel"])
    box.addEventListener(name, () => {
      last = null;
    });
  box.addEventListener("keydown", (event) => {
    if (!keys[event.key]) return;
    moved(...keys[event.key]);
    event.preventDefault();
  });
};
