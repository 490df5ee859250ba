// What a geometry looks like, in the definitions of `lopsided.shape` and `lopsided.Geometry`.

const norms = (gram) => gram.map((row, c) => Math.sqrt(Math.max(row[c], 0)));

const relativeNorms = (gram) => {
  const lengths = norms(gram),
    typical = Math.sqrt(total(lengths.map((l) => l * l)) / lengths.length);
  return lengths.map((length) => length / typical);
};

const cosines = (gram) => {
  const lengths = norms(gram);
  return matrix(gram.length, gram.length, (c, e) =>
    c === e && lengths[c] ? 1 : gram[c][e] / (lengths[c] * lengths[e]),
  );
};

const alignment = ({ classifiers, means, logits }) => {
  const w = norms(classifiers),
    m = norms(means);
  return logits.map((row, c) => row[c] / (w[c] * m[c]));
};

// The smallest margin of each class mean, relative to that of the simplex ETF of equal norms.
const relativeMargins = ({ classifiers, means, logits }) => {
  const k = logits.length,
    squares = (gram) => total(gram.map((row, c) => row[c]));
  const size = Math.sqrt(squares(classifiers)) * Math.sqrt(squares(means));
  return logits.map((row, y) => {
    let rival = -Infinity;
    for (let c = 0; c < k; c++) if (c !== y) rival = Math.max(rival, logits[c][y]);
    return ((k - 1) * (row[y] - rival)) / size;
  });
};

// Eigenvalues and vectors of a Gram matrix; each is decomposed once.
const known = new WeakMap();
const axesOf = (gram) => {
  if (!known.has(gram)) known.set(gram, svd(gram));
  return known.get(gram);
};

// Eigenvalues over the largest, descending.
const spectrum = (gram) => {
  const { values } = axesOf(gram);
  return values.map((value) => value / values[0]);
};

// Class means about their unweighted mean, and the logits with them.
const aboutMean = ({ classifiers, means, logits }) => {
  const mean = (row) => total([...row]) / row.length,
    rows = means.map(mean),
    all = mean(rows);
  return {
    classifiers,
    means: means.map((row, c) => row.map((value, e) => value - rows[c] - rows[e] + all)),
    logits: logits.map((row) => row.map((value) => value - mean(row))),
  };
};

// Those of a network are measured so; a law beside it is moved there first.
const distances = (first, second) => {
  const [a, b] =
    first.centered || second.centered ? [first, second].map(aboutMean) : [first, second];
  return {
    classifiers: distance(a.classifiers, b.classifiers),
    means: distance(a.means, b.means),
    logits: distance(a.logits, b.logits),
  };
};

// How the vectors of majority classes differ from those of minority classes; NaN without a pair.
const contrast = (gram, rare) => {
  const cosine = cosines(gram),
    squares = gram.map((row, c) => row[c]);
  const classes = [...gram.keys()],
    few = classes.filter((c) => rare[c]),
    many = classes.filter((c) => !rare[c]);
  const mean = (values) => total(values) / values.length;
  const between = (first, second) =>
    mean(first.flatMap((c) => second.filter((e) => e !== c).map((e) => cosine[c][e])));
  return {
    ratio: mean(many.map((c) => squares[c])) / mean(few.map((c) => squares[c])),
    majority: between(many, many),
    minority: between(few, few),
    across: between(many, few),
  };
};

// Vectors of a geometry along the three directions that hold most of the classifiers, and the
// shares of classifiers and of class means that these hold. Up to four classes that is all.
const frameOf = ({ classifiers, means, logits }) => {
  const { left, values } = axesOf(classifiers),
    k = classifiers.length;
  const kept = [0, 1, 2].filter((r) => r < k && values[r] > 1e-9 * values[0]);
  const trace = (gram) => total(gram.map((row, c) => row[c]));
  const own = matrix(k, 3),
    other = matrix(k, 3);
  kept.forEach((r) => {
    const root = Math.sqrt(values[r]);
    for (let c = 0; c < k; c++) {
      own[c][r] = root * left[r][c];
      for (let e = 0; e < k; e++) other[c][r] += (left[r][e] * logits[e][c]) / root;
    }
  });
  const square = (rows) => total(rows.map((row) => dot(row, row)));
  const unit = (rows, gram) => rows.map((row) => row.map((x) => x / Math.sqrt(trace(gram) / k)));
  return {
    classifiers: unit(own, classifiers),
    means: unit(other, means),
    held: { classifiers: square(own) / trace(classifiers), means: square(other) / trace(means) },
  };
};

// A frame turned to lie as near as it can to another one, lest it jump when its geometry changes.
const turnedTo = (frame, other) => {
  const rows = [...frame.classifiers, ...frame.means];
  if (!other || other.classifiers.length !== frame.classifiers.length) return frame;
  if (!rows.every((row) => row.every(Number.isFinite))) return frame;
  const aims = [...other.classifiers, ...other.means];
  const { left, right } = svd(multiply(transpose(rows), aims), true);
  const turn = sumOuter(
    [1, 1, 1].map((one, r) => (dot(left[r], left[r]) ? one : 0)),
    left,
    right,
  );
  const rank = left.filter((vector) => dot(vector, vector) > 0.5).length;
  if (rank < 3) return frame;
  return {
    ...frame,
    classifiers: multiply(frame.classifiers, turn),
    means: multiply(frame.means, turn),
  };
};
