// Geometries {classifiers, means, logits} as k x k matrices: the closed forms of
// `lopsided.predict.forms`, on groups of interchangeable classes.

// Loss -> its title, the exponents it has, and its terms: as `Adjustment` resolves them on the
// groups' shares n_c / n_max. Columns scale a class's logit, samples all logits of a label.
const LOSSES = {
  "cross-entropy": { title: "cross-entropy", exponents: {}, terms: () => ({}) },
  weighted: {
    title: "weighted",
    exponents: {},
    terms: ({ prior, k }) => ({ weight: prior.map((p) => 1 / (k * p)) }),
  },
  "logit-adjusted": {
    title: "logit-adjusted",
    exponents: { tau: 1 },
    terms: ({ prior }, { tau }) => ({ shift: prior.map((p) => tau * Math.log(p)) }),
  },
  cdt: {
    title: "CDT",
    exponents: { gamma: 0.5 },
    terms: ({ share }, { gamma }) => ({ columns: share.map((s) => s ** gamma) }),
  },
  ldt: {
    title: "LDT",
    exponents: { gamma: 0.5 },
    terms: ({ share }, { gamma }) => ({ samples: share.map((s) => s ** gamma) }),
  },
  vs: {
    title: "VS",
    exponents: { gamma: 0.25, tau: 1 },
    terms: ({ share, prior }, { gamma, tau }) => ({
      columns: share.map((s) => s ** gamma),
      shift: prior.map((p) => tau * Math.log(p)),
    }),
  },
  margins: {
    title: "margins",
    exponents: { gamma: 0.5 },
    terms: ({ share }, { gamma }) => ({ samples: share.map((s) => 1 / s ** -gamma) }),
  },
  ldam: {
    title: "LDAM",
    exponents: {},
    terms: ({ share }) => ({
      columns: share.map(() => 30),
      own: share.map((s) => 30 * 0.5 * (share[0] / s) ** 0.25),
    }),
  },
};

const parametersOf = (counts, setting) => {
  const groups = groupsOf(counts),
    most = groups.values[groups.values.length - 1],
    n = total(counts);
  const share = groups.values.map((v) => v / most),
    prior = groups.values.map((v) => v / n);
  const neutral = { weight: 1, columns: 1, samples: 1, shift: 0, own: 0 };
  const parameters = { groups, prior };
  const terms = LOSSES[setting.loss].terms({ share, prior, k: counts.length }, setting);
  for (const [name, value] of Object.entries(neutral)) {
    parameters[name] = terms[name] || share.map(() => value);
  }
  return parameters;
};

// A matrix of groups, and what vectors of zero sum within a group see -> the k x k matrix.
const expand = ({ label, sizes }, across, within) =>
  matrix(label.length, label.length, (c, e) => {
    const i = label[c],
      j = label[e];
    const value = across[i][j] / Math.sqrt(sizes[i] * sizes[j]);
    return i === j ? value + within[i] * ((c === e ? 1 : 0) - 1 / sizes[i]) : value;
  });

const diagonal = (values) =>
  matrix(values.length, values.length, (i, j) => (i === j ? values[i] : 0));

// The projector off a vector.
const off = (vector) => {
  const square = dot(vector, vector);
  return matrix(
    vector.length,
    vector.length,
    (i, j) => (i === j ? 1 : 0) - (vector[i] * vector[j]) / square,
  );
};

const roots = (sizes) => sizes.map((size) => Math.sqrt(size));

// What the logits ask for as the ridge vanishes: x = margin / scale, and the direction d = 1 /
// scale that the loss does not see, both by groups; d times the root of a group's size.
const asked = ({ groups, columns, samples }) => ({
  x: columns.map((column, j) => 1 / column / samples[j]),
  d: roots(groups.sizes).map((root, j) => root / columns[j]),
});

// Cross-entropy as the ridge vanishes: A = Q diag(n x^2) Q, WW' = A^{1/2}, logits Q diag(x).
const vanishing = (parameters) => {
  const { groups } = parameters,
    { x, d } = asked(parameters);
  const root = groups.values.map((v, j) => Math.sqrt(v) * x[j]);
  const { left, values } = svd(multiply(off(d), diagonal(root)));
  const kept = values.slice(0, -1),
    lifted = left.map((vector) => vector.map((value, j) => value * x[j]));
  return {
    classifiers: expand(groups, sumOuter(kept, left, left), root),
    means: expand(
      groups,
      sumOuter(
        kept.map((s) => 1 / s),
        lifted,
        lifted,
      ),
      x.map((value, j) => value ** 2 / root[j]),
    ),
    logits: expand(groups, multiply(off(d), diagonal(x)), x),
  };
};

// The same with a bias that costs nothing: WW' = (C N^-1 C)^{+1/2}, the class logits I - pi 1'.
const freeBias = (parameters) => {
  const { groups, prior, columns, samples } = parameters,
    ones = roots(groups.sizes);
  const margin = 1 / columns[0] / samples[0],
    root = groups.values.map((v) => 1 / Math.sqrt(v));
  const { left, values } = svd(multiply(off(ones), diagonal(root)));
  const kept = values.slice(0, -1).map((s) => s * margin);
  const centred = left.map((vector) => {
    const mean = dot(
      ones.map((one, j) => one * prior[j]),
      vector,
    );
    return vector.map((value, j) => value - ones[j] * mean);
  });
  const inverse = values.slice(0, -1).map((s) => margin / s);
  return {
    classifiers: expand(
      groups,
      sumOuter(inverse, left, left),
      root.map((r) => margin / r),
    ),
    means: expand(
      groups,
      sumOuter(kept, centred, centred),
      root.map((r) => margin * r),
    ),
    logits: expand(
      groups,
      matrix(
        root.length,
        root.length,
        (i, j) => margin * ((i === j ? 1 : 0) - prior[i] * ones[i] * ones[j]),
      ),
      root.map(() => margin),
    ),
  };
};

const simplex = (k) => {
  const frame = matrix(k, k, (c, e) => (c === e ? 1 : 0) - 1 / k);
  return { classifiers: frame, means: frame, logits: frame };
};

// Why no closed form speaks of a setting whose ridge vanishes; empty if one does.
const whyNoForm = (parameters, setting) => {
  const same = (values) => values.every((value) => value === values[0]);
  const scaled = !same(parameters.columns) || !same(parameters.samples);
  return setting.bias === "free" && scaled
    ? "With a free bias and scales that differ no closed form is known: take a ridge."
    : "";
};
