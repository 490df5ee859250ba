// Matrices are arrays of rows, each a Float64Array; one decomposition serves all: the singular
// values by Jacobi's one-sided rotations, which keep the digits of the small ones.

const matrix = (rows, columns, entry) => {
  const made = [];
  for (let i = 0; i < rows; i++) {
    const row = new Float64Array(columns);
    if (entry) for (let j = 0; j < columns; j++) row[j] = entry(i, j);
    made.push(row);
  }
  return made;
};

const transpose = (a) => matrix(a[0].length, a.length, (i, j) => a[j][i]);

const dot = (a, b) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

const total = (a) => a.reduce((sum, value) => sum + value, 0);

const largest = (a) => a.reduce((most, value) => Math.max(most, value), -Infinity);

const multiply = (a, b) => {
  const product = matrix(a.length, b[0].length);
  for (let i = 0; i < a.length; i++) {
    for (let q = 0; q < b.length; q++) {
      const factor = a[i][q];
      if (factor !== 0) for (let j = 0; j < b[q].length; j++) product[i][j] += factor * b[q][j];
    }
  }
  return product;
};

const frobenius = (a) => Math.hypot(...a.map((row) => Math.sqrt(dot(row, row))));

const rotate = (a, b, cosine, sine) => {
  for (let i = 0; i < a.length; i++) {
    const first = a[i],
      second = b[i];
    a[i] = cosine * first - sine * second;
    b[i] = sine * first + cosine * second;
  }
};

// a = sum_r values[r] left[r] right[r]', values descending; `right` only if `both`. Columns are
// turned against each other until all are orthogonal; their lengths are the singular values.
// Columns that are scaled beforehand, as by square roots of counts, cost small values no digits.
const svd = (a, both = false) => {
  const columns = transpose(a),
    n = columns.length;
  const turned = both ? matrix(n, n, (i, j) => (i === j ? 1 : 0)) : null;
  const order = [...columns.keys()];
  let squares = [];
  for (let sweep = 0, moved = true; moved && sweep < 40; sweep++) {
    moved = false;
    squares = columns.map((column) => dot(column, column));
    order.sort((i, j) => squares[j] - squares[i]);
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const i = order[p],
          j = order[q],
          between = dot(columns[i], columns[j]);
        if (!between || Math.abs(between) <= 1e-15 * Math.sqrt(squares[i]) * Math.sqrt(squares[j]))
          continue;
        moved = true;
        const slope = (squares[j] - squares[i]) / (2 * between);
        const tangent = (slope < 0 ? -1 : 1) / (Math.abs(slope) + Math.sqrt(1 + slope * slope));
        const cosine = 1 / Math.sqrt(1 + tangent * tangent);
        rotate(columns[i], columns[j], cosine, cosine * tangent);
        if (both) rotate(turned[i], turned[j], cosine, cosine * tangent);
        squares[i] = Math.max(0, squares[i] - tangent * between);
        squares[j] += tangent * between;
      }
    }
  }
  const lengths = columns.map((column) => Math.sqrt(dot(column, column)));
  order.sort((i, j) => lengths[j] - lengths[i]);
  return {
    left: order.map((i) => columns[i].map((value) => (lengths[i] ? value / lengths[i] : 0))),
    values: order.map((i) => lengths[i]),
    right: both ? order.map((i) => turned[i]) : null,
  };
};

// sum_r weights[r] a[r] b[r]'
const sumOuter = (weights, a, b) => {
  const sum = matrix(a[0].length, b[0].length);
  weights.forEach((weight, r) => {
    if (weight === 0) return;
    for (let i = 0; i < sum.length; i++) {
      const factor = weight * a[r][i],
        row = sum[i],
        other = b[r];
      if (factor !== 0) for (let j = 0; j < row.length; j++) row[j] += factor * other[j];
    }
  });
  return sum;
};

// The distance of two matrices but for their lengths: 0 to 2; NaN where one is zero.
const distance = (a, b) => {
  const first = frobenius(a),
    second = frobenius(b);
  return frobenius(matrix(a.length, a[0].length, (i, j) => a[i][j] / first - b[i][j] / second));
};
