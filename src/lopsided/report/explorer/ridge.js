// The optimum of the unconstrained-features model at a positive ridge, and its proof.
//
// The problem by groups, as `lopsided.solve.reduced` has it: Y (m x m) for logits between groups,
// s (m) for those within, a bias. The nuclear norm is met by factors, Y = U V' and s = p^2, over
// which Newton's method with conjugate gradients runs from the vanishing ridge's logits. The
// factored problem has no bad minimum, and the duality gap tells how near its result is.

// A head's bias is "none", "free", or a number: the ridge on it.
const reduced = (parameters, bias) => {
  const { groups, columns, samples, shift, own, weight } = parameters;
  const { sizes: k, values: v } = groups,
    m = k.length;
  const copies = matrix(m, m, (i, j) => (i === j ? k[i] - 1 : k[i]));
  return {
    groups,
    k,
    v,
    m,
    copies,
    biased: bias !== "none",
    charge: bias === "none" || bias === "free" ? 0 : Number(bias),
    columns,
    own: columns.map((column, j) => column * samples[j]),
    mass: v.map((count, j) => count * k[j] * weight[j]),
    unit: matrix(m, m, (i, j) => 1 / Math.sqrt(k[i] * k[j] * v[j])),
    factor: matrix(m, m, (i, j) => columns[i] * samples[j]),
    offset: matrix(m, m, (i, j) => (copies[i][j] ? shift[i] - shift[j] + own[j] : 0)),
  };
};

// Margins (logit - own logit) of a point, without their offset: a linear map.
const marginsOf = (r, { Y, s, b }) => {
  const R = matrix(r.m, r.m);
  for (let j = 0; j < r.m; j++) {
    const inside = r.k[j] > 1 ? s[j] / Math.sqrt(r.v[j]) : 0;
    const base = r.unit[j][j] * Y[j][j] + b[j];
    const own = r.own[j] * (base + inside * (1 - 1 / r.k[j]));
    for (let i = 0; i < r.m; i++) R[i][j] = r.factor[i][j] * (r.unit[i][j] * Y[i][j] + b[i]) - own;
    R[j][j] = r.factor[j][j] * (base - inside / r.k[j]) - own;
  }
  return R;
};

// The transpose of that map.
const adjoint = (r, residual) => {
  const Y = matrix(r.m, r.m),
    s = new Float64Array(r.m),
    b = new Float64Array(r.m);
  for (let j = 0; j < r.m; j++) {
    let own = 0;
    for (let i = 0; i < r.m; i++) own -= r.own[j] * residual[i][j];
    const scaled = r.factor[j][j] * residual[j][j];
    if (r.k[j] > 1) s[j] = (own * (1 - 1 / r.k[j]) - scaled / r.k[j]) / Math.sqrt(r.v[j]);
    for (let i = 0; i < r.m; i++) {
      const value = r.factor[i][j] * residual[i][j] + (i === j ? own : 0);
      Y[i][j] = r.unit[i][j] * value;
      if (r.biased) b[i] += value;
    }
  }
  return { Y, s, b };
};

// The loss at margins, the softmax shares of the cells, and the slope by the margins.
const fitOf = (r, R) => {
  const shares = matrix(r.m, r.m),
    residual = matrix(r.m, r.m);
  let value = 0;
  for (let j = 0; j < r.m; j++) {
    let highest = 0,
      sum = 0;
    for (let i = 0; i < r.m; i++)
      if (r.copies[i][j]) highest = Math.max(highest, R[i][j] + r.offset[i][j]);
    for (let i = 0; i < r.m; i++) {
      shares[i][j] = r.copies[i][j]
        ? r.copies[i][j] * Math.exp(R[i][j] + r.offset[i][j] - highest)
        : 0;
      sum += shares[i][j];
    }
    const own = Math.exp(-highest);
    value += r.mass[j] * (highest === 0 ? Math.log1p(sum) : highest + Math.log(own + sum));
    for (let i = 0; i < r.m; i++) {
      shares[i][j] /= own + sum;
      residual[i][j] = r.mass[j] * shares[i][j];
    }
  }
  return { value, shares, residual };
};

const curvature = (r, shares, R) => {
  const result = matrix(r.m, r.m);
  for (let j = 0; j < r.m; j++) {
    let mean = 0;
    for (let i = 0; i < r.m; i++) mean += shares[i][j] * R[i][j];
    for (let i = 0; i < r.m; i++) result[i][j] = r.mass[j] * shares[i][j] * (R[i][j] - mean);
  }
  return result;
};

// What the ridge on a bias costs: its classes' squares.
const costOf = (r, b) =>
  r.charge ? (r.charge / 2) * total(b.map((value, j) => r.k[j] * value * value)) : 0;

// Bounds that enclose the minimum: the objective at a point, and the value of the dual at its
// shares, scaled until feasible. Residuals that a free bias has left are charged for; those of a
// bias with a ridge have their conjugate.
const certify = (r, ridge, point, decomposed) => {
  const fit = fitOf(r, marginsOf(r, point)),
    slope = adjoint(r, fit.residual);
  const within = r.k.map((k, j) => (k - 1) * Math.abs(point.s[j]));
  const nuclear = total(decomposed.values) + total(within);
  const primal = fit.value + ridge * nuclear + costOf(r, point.b);
  const norms = r.k.map((k, j) => (k > 1 ? Math.abs(slope.s[j]) / (k - 1) : 0));
  const norm = Math.max(svd(slope.Y).values[0], largest(norms));
  const scale = norm > 0 ? Math.min(1, ridge / norm) : 1;
  let dual = 0;
  for (let j = 0; j < r.m; j++) {
    let others = 0,
      value = 0;
    for (let i = 0; i < r.m; i++) {
      const q = scale * fit.shares[i][j];
      if (!(q > 0)) continue;
      others += q;
      value += q * (r.offset[i][j] - Math.log(q / r.copies[i][j]));
    }
    if (others < 1) value += (others - 1) * Math.log1p(-others);
    dual += r.mass[j] * value;
  }
  for (let i = 0; i < r.m; i++)
    dual -= r.charge
      ? (scale * slope.b[i]) ** 2 / (2 * r.charge * r.k[i])
      : scale * Math.abs(slope.b[i]) * (1 + 2 * Math.abs(point.b[i]));
  return { primal, dual, gap: primal > 0 ? Math.max(0, (primal - dual) / primal) : 0 };
};
