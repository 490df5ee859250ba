// Newton's method on the factors of a ridge's problem, a step at a time: the page stays awake.

// A free bias can be shifted where all logits have one scale; without this a step along the shift
// would be rounding over zero.
const DAMPING = 1e-9;

// The variables, as views of one array: U and V (m x m), p and b (m).
const factorsOf = (r, x) => {
  const rows = (start) =>
    Array.from({ length: r.m }, (_, i) => x.subarray(start + i * r.m, start + (i + 1) * r.m));
  const square = r.m * r.m;
  return {
    U: rows(0),
    V: rows(square),
    p: x.subarray(2 * square, 2 * square + r.m),
    b: x.subarray(2 * square + r.m),
  };
};

const pointOf = (r, { U, V, p, b }) => ({
  Y: matrix(r.m, r.m, (i, j) => dot(U[i], V[j])),
  s: p.map((value) => value * value),
  b,
});

const valueOf = (r, ridge, factors) => {
  const { U, V, p } = factors;
  const squares = (rows) => rows.reduce((sum, row) => sum + dot(row, row), 0);
  const inside = r.k.reduce((sum, k, j) => sum + (k - 1) * p[j] ** 2, 0);
  const fit = fitOf(r, marginsOf(r, pointOf(r, factors)));
  const cost = costOf(r, factors.b);
  return { fit, value: fit.value + ridge * ((squares(U) + squares(V)) / 2 + inside) + cost };
};

// a b + ridge c, into the rows of `result`.
const slopeInto = (result, a, b, ridge, c) =>
  multiply(a, b).forEach((row, i) =>
    row.forEach((value, j) => {
      result[i][j] += value + ridge * c[i][j];
    }),
  );

// The gradient, and a function that applies the second derivative to a direction.
const model = (r, ridge, factors, fit) => {
  const { U, V, p, b } = factors,
    size = 2 * r.m * r.m + 2 * r.m;
  const slope = adjoint(r, fit.residual),
    turned = transpose(slope.Y);
  const gradient = new Float64Array(size),
    g = factorsOf(r, gradient);
  slopeInto(g.U, slope.Y, V, ridge, U);
  slopeInto(g.V, turned, U, ridge, V);
  for (let j = 0; j < r.m; j++) {
    g.p[j] = 2 * p[j] * (slope.s[j] + ridge * (r.k[j] - 1));
    g.b[j] = slope.b[j] + r.charge * r.k[j] * b[j];
  }
  const apply = (direction) => {
    const d = factorsOf(r, direction),
      result = new Float64Array(size),
      h = factorsOf(r, result);
    const moved = {
      Y: matrix(r.m, r.m, (i, j) => dot(d.U[i], V[j]) + dot(U[i], d.V[j])),
      s: p.map((value, j) => 2 * value * d.p[j]),
      b: d.b,
    };
    const change = adjoint(r, curvature(r, fit.shares, marginsOf(r, moved)));
    slopeInto(h.U, change.Y, V, ridge, d.U);
    slopeInto(h.V, transpose(change.Y), U, ridge, d.V);
    slopeInto(h.U, slope.Y, d.V, 0, U);
    slopeInto(h.V, turned, d.U, 0, V);
    for (let j = 0; j < r.m; j++) {
      h.p[j] = 2 * p[j] * change.s[j] + 2 * d.p[j] * (slope.s[j] + ridge * (r.k[j] - 1));
      h.b[j] = change.b[j] + (DAMPING * r.mass[j] + r.charge * r.k[j]) * d.b[j];
    }
    return result;
  };
  return { gradient, apply };
};

// Conjugate gradients for the step, stopped early where the quadratic model says little.
const stepOf = ({ gradient, apply }) => {
  const size = Math.sqrt(dot(gradient, gradient)),
    step = new Float64Array(gradient.length);
  const rest = gradient.map((value) => -value);
  let along = rest.slice(),
    square = dot(rest, rest);
  const enough = Math.min(0.1, Math.sqrt(size)) * size;
  for (let i = 0; i < 250 && Math.sqrt(square) > enough; i++) {
    const bent = apply(along),
      bend = dot(along, bent);
    if (!(bend > 0)) return i ? step : along;
    const length = square / bend,
      before = square;
    for (let q = 0; q < step.length; q++) {
      step[q] += length * along[q];
      rest[q] -= length * bent[q];
    }
    square = dot(rest, rest);
    along = along.map((value, q) => rest[q] + (square / before) * value);
  }
  return step;
};

// The multiple of the vanishing ridge's logits that costs least, as factors.
const startOf = (r, ridge, parameters) => {
  const { x, d } = asked(parameters),
    root = x.map((value, j) => value * Math.sqrt(r.v[j]));
  const { left, values, right } = svd(multiply(off(d), diagonal(root)), true);
  const at = (multiple) => {
    const start = new Float64Array(2 * r.m * r.m + 2 * r.m),
      f = factorsOf(r, start);
    values.forEach((value, q) => {
      for (let i = 0; i < r.m; i++) {
        f.U[i][q] = Math.sqrt(multiple * value) * left[q][i];
        f.V[i][q] = Math.sqrt(multiple * value) * right[q][i];
      }
    });
    for (let j = 0; j < r.m; j++) f.p[j] = r.k[j] > 1 ? Math.sqrt(multiple * root[j]) : 0;
    return start;
  };
  const most = 2 * Math.log(total(r.k) * Math.exp(5) + Math.sqrt(largest(r.v)) / ridge);
  const tried = Array.from({ length: 13 }, (_, q) => at(0.01 * (most / 0.01) ** (q / 12)));
  const worth = tried.map((start) => valueOf(r, ridge, factorsOf(r, start)).value);
  return tried[worth.indexOf(Math.min(...worth))];
};

// The bias where Newton's method ends at no logits, from one to begin with.
const biasFrom = (r, b) => {
  const nothing = { Y: matrix(r.m, r.m), s: new Float64Array(r.m) };
  const at = (b) => {
    const fit = fitOf(r, marginsOf(r, { ...nothing, b }));
    return { ...fit, value: fit.value + costOf(r, b) };
  };
  let fit = at(b);
  for (let iteration = 0; iteration < 100; iteration++) {
    const slope = adjoint(r, fit.residual).b,
      gradient = slope.map((value, j) => value + r.charge * r.k[j] * b[j]);
    if (largest(gradient.map(Math.abs)) <= 1e-14 * total(r.mass)) break;
    const step = stepOf({
      gradient,
      apply: (d) => {
        const change = adjoint(r, curvature(r, fit.shares, marginsOf(r, { ...nothing, b: d }))).b;
        return change.map(
          (value, j) => value + (DAMPING * r.mass[j] + r.charge * r.k[j]) * d[j],
        );
      },
    });
    const falls = dot(step, gradient) / 4;
    let length = 2,
      next;
    do {
      length /= 2;
      next = at(b.map((value, j) => value + length * step[j]));
    } while (length > 1e-6 && !(next.value <= fit.value + length * falls));
    if (!(next.value < fit.value)) break;
    b = b.map((value, j) => value + length * step[j]);
    fit = next;
  }
  return b;
};

// The bias that is best at no logits. Where offsets put nearly all shares on other classes than the
// targets, there is no curvature to begin with: they are halved until they are small, and doubled
// again, each time from twice the bias before.
const bestBias = (r) => {
  const size = largest(r.offset.map((row) => largest(row.map(Math.abs))));
  let b = new Float64Array(r.m);
  for (let halvings = Math.ceil(Math.log2(Math.max(size, 1))); halvings >= 0; halvings--) {
    const offset = r.offset.map((row) => row.map((value) => value / 2 ** halvings));
    b = biasFrom(
      { ...r, offset },
      b.map((value) => 2 * value),
    );
  }
  return b;
};

// The smallest ridge whose optimum is zero: the norm of the slope at no logits.
const largestRidge = (parameters, bias) => {
  const r = reduced(parameters, bias),
    nothing = { Y: matrix(r.m, r.m), s: new Float64Array(r.m) };
  const b = r.biased ? bestBias(r) : new Float64Array(r.m);
  const slope = adjoint(r, fitOf(r, marginsOf(r, { ...nothing, b })).residual);
  return Math.max(
    svd(slope.Y).values[0],
    ...r.k.map((k, j) => (k > 1 ? Math.abs(slope.s[j]) / (k - 1) : 0)),
  );
};

// The geometry of a point, its logits decomposed.
const solved = (r, point, decomposed, gap) => {
  const { groups, k, v, m } = r,
    { left, values, right } = decomposed;
  const counted = right.map((vector) => vector.map((value, j) => value / Math.sqrt(v[j])));
  const within = point.s.map((value, j) => (k[j] > 1 ? value : 0));
  const plain = matrix(m, m, (i, j) => point.Y[i][j] / Math.sqrt(v[j]));
  return {
    classifiers: expand(groups, sumOuter(values, left, left), within),
    means: expand(
      groups,
      sumOuter(values, counted, counted),
      within.map((value, j) => value / v[j]),
    ),
    logits: expand(
      groups,
      plain,
      within.map((value, j) => value / Math.sqrt(v[j])),
    ),
    gap,
  };
};

// Yields the geometry and its relative gap, ever better, until the gap is below the tolerance or
// rounding keeps it from falling.
const optimum = function* (parameters, { ridge, bias }, tolerance = 1e-10) {
  const r = reduced(parameters, bias);
  let x = startOf(r, ridge, parameters),
    factors = factorsOf(r, x),
    now = valueOf(r, ridge, factors);
  let best = Infinity;
  for (let iteration = 0, idle = 0; iteration < 200 && idle < 40; iteration++, idle++) {
    const point = pointOf(r, factors),
      decomposed = svd(point.Y, true),
      { gap } = certify(r, ridge, point, decomposed);
    if (gap < best) {
      best = gap;
      idle = 0;
      yield solved(r, point, decomposed, gap);
    }
    if (gap <= tolerance) return;
    const derivatives = model(r, ridge, factors, now.fit);
    const step = stepOf(derivatives),
      slope = dot(step, derivatives.gradient);
    let length = 2,
      next,
      trial;
    do {
      length /= 2;
      trial = x.map((value, q) => value + length * step[q]);
      next = valueOf(r, ridge, factorsOf(r, trial));
    } while (
      length > 1e-10 &&
      !(next.value <= now.value + 1e-4 * length * slope + 1e-15 * now.value)
    );
    x = trial;
    factors = factorsOf(r, x);
    now = next;
  }
};
