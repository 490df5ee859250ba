// Class counts as bars that a pointer drags and keys move: each a slider, one of them in the order
// of tabs at a time.

const barsOf = (changed) => {
  const drawing = svg("svg", {
    viewBox: "0 0 400 180",
    role: "group",
    class: "bars",
    "aria-label":
      "Samples of each class, on a logarithmic scale. " +
      "Left and right choose a class, up and down change its count.",
  });
  const [left, right, top, base] = [34, 398, 16, 156];
  let counts = [],
    labels = [],
    decades = 3,
    bars = [],
    chosen = 0,
    dragged = -1;
  // One sample is a bar that can be seen, so many units tall.
  const one = 2;
  const height = (n) => one + ((base - top) * Math.log10(n)) / decades;
  const place = (c) => left + ((right - left) * (c + 0.1)) / counts.length;
  const most = () => Math.min(10 ** decades, LARGEST_COUNT);
  const two = (value) =>
    Math.max(1, value < 100 ? Math.round(value) : Number(value.toPrecision(2)));
  const set = (c, n) => {
    take(
      counts.map((old, e) => (e === c ? n : old)),
      labels,
    );
    changed(counts);
  };
  const show = () =>
    bars.forEach((bar, c) => {
      const tall = height(counts[c]),
        text = `${labels[c]}: ${grouped(counts[c])} samples`;
      fill(
        bar,
        {
          "aria-valuenow": counts[c],
          "aria-valuetext": text,
          "aria-label": `class ${labels[c]}`,
          tabindex: c === chosen ? 0 : -1,
        },
        [],
      );
      fill(bar.querySelector(".bar"), { y: base - tall, height: tall }, []);
      bar.querySelector(".count").setAttribute("y", base - tall - 4);
      bar.querySelector(".count").textContent = counts.length <= 10 ? grouped(counts[c]) : "";
      bar.querySelector("title").textContent = text;
    });
  const choose = (c) => {
    chosen = Math.max(0, Math.min(counts.length - 1, c));
    show();
    bars[chosen].focus();
  };
  const keyed = (event) => {
    const n = counts[chosen],
      pace = event.shiftKey ? 0.5 : 0.1,
      more = Math.max(1, two(n * pace));
    const moves = {
      ArrowUp: n + more,
      ArrowDown: n - more,
      PageUp: n * 2,
      PageDown: Math.round(n / 2),
    };
    const goes = { ArrowLeft: chosen - 1, ArrowRight: chosen + 1, Home: 0, End: counts.length - 1 };
    if (event.key in moves)
      set(chosen, Math.max(1, Math.min(most(), Math.round(moves[event.key]))));
    else if (event.key in goes) choose(goes[event.key]);
    else return;
    event.preventDefault();
  };
  const pulled = (event) => {
    const box = drawing.getBoundingClientRect(),
      tall = base - ((event.clientY - box.top) * 180) / box.height;
    // A bar that is taken where it ends keeps its count, whose digits a place cannot tell.
    if (Math.abs(tall - height(counts[dragged])) < 1) return;
    const share = Math.max(0, Math.min(1, (tall - one) / (base - top)));
    set(dragged, two(Math.min(most(), 10 ** (decades * share))));
  };
  drawing.addEventListener("keydown", keyed);
  // A screen reader goes to any bar, whatever the order of tabs.
  drawing.addEventListener("focusin", (event) => {
    chosen = bars.indexOf(event.target);
    show();
  });
  drawing.addEventListener("pointerdown", (event) => {
    dragged = bars.findIndex((bar) => bar.contains(event.target));
    if (dragged < 0) return;
    drawing.setPointerCapture(event.pointerId);
    choose(dragged);
    pulled(event);
    event.preventDefault();
  });
  drawing.addEventListener("pointermove", (event) => {
    if (dragged >= 0) pulled(event);
  });
  for (const name of ["pointerup", "pointercancel"])
    drawing.addEventListener(name, () => {
      dragged = -1;
      take(counts, labels);
    });
  const build = () => {
    const wide = (0.8 * (right - left)) / counts.length,
      few = counts.length <= 10;
    bars = counts.map((n, c) =>
      svg(
        "g",
        {
          role: "slider",
          class: "handle",
          "aria-orientation": "vertical",
          "aria-valuemin": 1,
          "aria-valuemax": most(),
        },
        svg("title", {}),
        svg("rect", {
          class: "reach",
          x: place(c) - wide / 8,
          width: wide * 1.25,
          y: top - 12,
          height: base - top + 12,
        }),
        svg("rect", { class: "bar", x: place(c), width: wide }),
        svg("text", { class: "count", x: place(c) + wide / 2, "text-anchor": "middle" }),
        few || c === 0 || c === counts.length - 1
          ? svg(
              "text",
              {
                class: "tick",
                x: few ? place(c) + wide / 2 : c ? right : left,
                y: base + 15,
                "text-anchor": few ? "middle" : c ? "end" : "start",
              },
              short(labels[c], Math.max(3, Math.floor(54 / counts.length))),
            )
          : null,
      ),
    );
    drawing.replaceChildren(
      ...Array.from({ length: decades + 1 }, (_, d) => [
        svg("path", { class: "grid", d: `M${left} ${base - height(10 ** d)}H${right}` }),
        svg(
          "text",
          { class: "tick", x: left - 6, y: base - height(10 ** d) + 4, "text-anchor": "end" },
          (10 ** d).toLocaleString("en", { notation: "compact" }),
        ),
      ]).flat(),
      ...bars,
    );
  };
  // Takes new counts and draws them to their scale; during a drag the scale stays as it is.
  const take = (given, texts) => {
    const wanted = Math.max(2, Math.ceil(Math.log10(largest(given)) + 0.15));
    const same =
      given.length === counts.length &&
      wanted === decades &&
      texts.every((text, c) => text === labels[c]);
    [counts, labels] = [given, texts];
    if (!same && dragged < 0) {
      const focused = bars.some((bar) => bar === document.activeElement);
      decades = wanted;
      chosen = Math.min(chosen, counts.length - 1);
      build();
      if (focused) choose(chosen);
    }
    show();
  };
  return { drawing, take };
};
