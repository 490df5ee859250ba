// The controls of counts and of the two settings.

let made = 0;

// A control with its label, and the value as it is said.
const labeled = (text, control, ...after) => {
  control.id = `explorer-${made++}`;
  return html(
    "div",
    { class: "field" },
    html("label", { for: control.id }, text),
    control,
    ...after,
  );
};

const select = (options, value, changed) => {
  const control = html(
    "select",
    { onchange: () => changed(control.value) },
    options.map(([name, title]) =>
      html("option", { value: name, selected: name === value }, title),
    ),
  );
  return control;
};

// A slider with a number beside it that says and sets the same.
const slider = (text, value, [least, most, pace], changed) => {
  const range = html("input", { type: "range", min: least, max: most, step: pace, value });
  const number = html("input", {
    type: "number",
    min: least,
    max: most,
    step: pace,
    value,
    "aria-label": `${text}, as a number`,
  });
  range.addEventListener("input", () => {
    number.value = range.value;
    changed(Number(range.value));
  });
  number.addEventListener("input", () => {
    const given = number.valueAsNumber;
    number.setAttribute("aria-invalid", !(given >= least && given <= most));
    if (!(given >= least && given <= most)) return;
    range.value = given;
    changed(given);
  });
  return labeled(text, range, number);
};

// The ridge: 0 at the left end, then its logarithm up to where the optimum is zero, which `end`
// says of the counts and the loss of the moment.
const ridgeSlider = (value, end, changed) => {
  const least = 1e-4,
    last = 100;
  const floor = (ridge) => {
    const power = 10 ** (Math.floor(Math.log10(ridge)) - 1);
    return Number((Math.floor(ridge / power + 1e-9) * power).toPrecision(2));
  };
  const at = (place) =>
    place < 1 ? 0 : floor(least * (end() / least) ** ((place - 1) / (last - 1)));
  const where = (ridge) =>
    ridge ? 1 + ((last - 1) * Math.log(ridge / least)) / Math.log(end() / least) : 0;
  const range = html("input", {
    type: "range",
    min: 0,
    max: last,
    step: 1,
    value: Math.round(where(value)),
  });
  const said = html("output", {});
  const say = (ridge) => {
    said.textContent = ridge ? digits(ridge) : "→ 0";
    range.setAttribute("aria-valuetext", said.textContent);
  };
  say(value);
  range.addEventListener("input", () => {
    const ridge = at(Number(range.value));
    say(ridge);
    changed(ridge);
  });
  return labeled("ridge λ", range, said);
};

// The ridge on a bias, by powers of ten.
const biasRidge = (value, changed) => {
  const said = html("output", {}),
    range = html("input", { type: "range", min: -6, max: 3, step: 0.5, value: Math.log10(value) });
  const say = (ridge) => {
    said.textContent = digits(ridge);
    range.setAttribute("aria-valuetext", said.textContent);
  };
  say(value);
  range.addEventListener("input", () => {
    const bias = Number((10 ** Number(range.value)).toPrecision(3));
    say(bias);
    changed({ bias });
  });
  return labeled("ridge on the bias", range, said);
};

// The controls of one side; `rebuilt` is called where the controls themselves have to change.
const settingControls = (side, setting, losses, end, { changed, rebuilt }) => {
  const exponents = exponentsOf(setting),
    greek = { gamma: "exponent γ", tau: "exponent τ" };
  const bounds = { gamma: [-1.5, 1.5, 0.05], tau: [-2, 2, 0.1] };
  const key = svg(
    "svg",
    { viewBox: "-6 -6 12 12", class: "key", "aria-hidden": "true" },
    sign(side, outline(side, 0, 0, 4)),
  );
  return [
    html("legend", {}, key, side.toUpperCase()),
    labeled(
      "loss",
      select(losses, setting.loss, (loss) =>
        rebuilt({
          ...setting,
          loss,
          ...(LOSSES[loss] ? LOSSES[loss].exponents : {}),
        }),
      ),
    ),
    Object.keys(exponents).map((name) =>
      slider(greek[name], setting[name], bounds[name], (value) => changed({ [name]: value })),
    ),
    isTheory(setting)
      ? [
          labeled(
            "head’s bias",
            select(
              [
                ["none", "none"],
                ["free", "free, no ridge on it"],
                ["ridge", "with a ridge of its own"],
              ],
              typeof setting.bias === "number" ? "ridge" : setting.bias,
              (bias) => rebuilt({ ...setting, bias: bias === "ridge" ? 1 : bias }),
            ),
          ),
          typeof setting.bias === "number" ? biasRidge(setting.bias, changed) : [],
          ridgeSlider(setting.ridge, end, (ridge) => changed({ ridge })),
        ]
      : [],
  ];
};

// Presets, their parameters, and counts that are pasted; `given` is told counts and names.
const countControls = (given) => {
  const box = html("div", { class: "fields" }),
    fields = html("div", { class: "fields parameters" });
  const said = html("p", { role: "status", class: "problem" });
  const take = (counts, names) => {
    const problem = whyNoCounts(counts);
    said.textContent =
      problem && counts.some((n) => n === 0) ? "The rarest class would have no sample." : problem;
    if (!problem) given(counts, names);
  };
  const show = (name) => {
    fields.replaceChildren();
    if (NAMED[name]) take(NAMED[name].counts, NAMED[name].names);
    if (!PROFILES[name]) return;
    const profileOf = PROFILES[name],
      values = {};
    for (const [field, [text, value, least, most, pace]] of Object.entries(profileOf.fields)) {
      values[field] = value;
      fields.append(
        labeled(
          text,
          html("input", {
            type: "number",
            min: least,
            max: most,
            step: pace,
            value,
            oninput: (event) => {
              const typed = event.target.valueAsNumber,
                count = pace === 1,
                right = typed >= least && typed <= most && (!count || Number.isInteger(typed));
              event.target.setAttribute("aria-invalid", !right);
              if (!right) {
                said.textContent =
                  `${text} must be ${count ? "a whole number " : ""}from ${grouped(least)}` +
                  ` to ${grouped(most)}.`;
                return;
              }
              values[field] = typed;
              const problem = profileOf.problem ? profileOf.problem(values) : "";
              if (problem) said.textContent = problem;
              else take(profileOf.counts(values), null);
            },
          }),
        ),
      );
    }
    take(profileOf.counts(values), null);
  };
  const titles = Object.entries(PROFILES).map(([name, { title }]) => [name, title]);
  const preset = select(
    [["", "your own"], ...titles, ...Object.keys(NAMED).map((name) => [name, name])],
    "",
    show,
  );
  const text = html("textarea", {
    rows: 3,
    spellcheck: "false",
    placeholder: "50, 20, 5 — or a name and a number a line: cat: 50",
  });
  const use = html(
    "button",
    {
      type: "button",
      onclick: () => {
        const found = parseCounts(text.value);
        said.textContent = found.problem || "";
        if (found.problem) return;
        preset.value = "";
        fields.replaceChildren();
        given(found.counts, found.names);
      },
    },
    "Use these counts",
  );
  box.append(labeled("counts from", preset), fields);
  const own = () => {
    preset.value = "";
    fields.replaceChildren();
    said.textContent = "";
  };
  const paste = html(
    "details",
    {},
    html("summary", {}, "Paste counts"),
    labeled("counts, any separator", text),
    use,
  );
  return {
    nodes: [box, paste, said],
    own,
    say: (problem) => {
      said.textContent = problem;
    },
  };
};
