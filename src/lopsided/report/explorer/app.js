// The page: one state, two geometries, redrawn at most once a frame.

const mount = (root) => {
  const given = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const part = (name) => root.querySelector(`[data-part=${name}]`);
  const measured = given.measured.map((one) => ({
    ...one,
    classifiers: one.classifiers.map((r) => Float64Array.from(r)),
    means: one.means.map((r) => Float64Array.from(r)),
    logits: one.logits.map((r) => Float64Array.from(r)),
  }));
  const losses = [
    ...measured.map(({ title }) => [`measured: ${title}`, printable(title)]),
    ...Object.entries(LOSSES).map(([name, { title }]) => [name, title]),
    ["etf", "simplex ETF (balanced)"],
  ];
  const start = {
    counts: given.counts,
    names: given.names,
    a: plainSetting(losses[0][0]),
    b: plainSetting(measured.length ? "cross-entropy" : "etf"),
  };
  let state = start,
    sides = { a: {}, b: {} },
    frames = {},
    view = { yaw: 0.5, pitch: 0.3 },
    due = false,
    stale = false;
  let turning = !matchMedia("(prefers-reduced-motion: reduce)").matches,
    before = 0;

  const labels = () =>
    state.names ? state.names.map(printable) : state.counts.map((_, c) => String(c));
  const geometries = () => ({ a: sides.a.geometry, b: sides.b.geometry });

  const { boxes, notes } = panelsOf(part);
  for (const side of ["A", "B"])
    readable(
      boxes[`map${side}`],
      () => sides[side.toLowerCase()].geometry,
      labels,
      notes[`map${side}`],
    );

  const drawFrames = () =>
    ["A", "B"].forEach((side) => {
      const frame = frames[side.toLowerCase()],
        label = `Classifiers and class means of ${side}`;
      boxes[`frame${side}`].replaceChildren(
        frame
          ? frameDrawing(frame, state.counts, labels(), view, label)
          : svg("svg", { viewBox: "0 0 360 280" }),
      );
    });

  const draw = () => {
    const shown = geometries(),
      reference = frames.a;
    frames = {};
    for (const side of ["a", "b"]) {
      if (shown[side])
        frames[side] = turnedTo(
          frameOf(shown[side]),
          side === "a" ? reference : frames.a || reference,
        );
      const name = side.toUpperCase();
      notes[`frame${name}`].textContent = frames[side]
        ? `${name}. ${frameNote(frames[side])}`
        : `${name}. ${sides[side].note}`;
      notes[`map${name}`].textContent = `${name}. Hatched: negative. Point at two classes.`;
      boxes[`map${name}`].replaceChildren(
        mapsDrawing(shown[side], `Cosines of classifiers and of class means of ${name}`),
      );
    }
    drawFrames();
    PROFILE_VIEWS.forEach((one, i) =>
      boxes[`profile${i}`].replaceChildren(profileDrawing(one, shown, labels())),
    );
    const apart = distanceSentence(shown);
    if (part("distance").textContent !== apart) part("distance").textContent = apart;
    part("contrast").replaceChildren(contrastTable(shown, state.counts));
    if (part("numbers").open) showNumbers();
  };

  const showNumbers = () =>
    part("table").replaceChildren(numbersTable(geometries(), state.counts, labels()));
  part("numbers").addEventListener("toggle", () => {
    if (part("numbers").open) showNumbers();
  });

  const frame = (now) => {
    due = false;
    let news = stale;
    stale = false;
    for (const side of ["a", "b"]) {
      if (sides[side].work) news = advance(sides[side]) || news;
      const note = part(`note-${side}`);
      if (note.textContent !== sides[side].note) note.textContent = sides[side].note;
    }
    if (turning && document.visibilityState === "visible")
      view.yaw += Math.min(50, now - before) / 4000;
    before = now;
    if (news) draw();
    else if (turning) drawFrames();
    if (sides.a.work || sides.b.work || turning) request();
  };
  const request = () => {
    if (!due) requestAnimationFrame(frame);
    due = true;
  };

  const compute = (which = ["a", "b"]) => {
    for (const side of which) {
      const { geometry } = sides[side],
        next = begin(state[side], state.counts, measured);
      // While the next optimum is solved the last one stays, if it is of as many classes.
      const kept = next.work && geometry && geometry.classifiers.length === state.counts.length;
      sides[side] = kept ? { ...next, geometry } : next;
    }
    part("python").value = toPython(state);
    part("shell").value = toShell(state);
    if (given.linked) {
      part("link").value = `${location.href.split("#")[0]}#${toHash(state)}`;
      history.replaceState(null, "", `#${toHash(state)}`);
    }
    stale = true;
    request();
  };

  // Where the ridges of a side end, computed anew when counts or the loss have changed.
  const endOf = (side) => {
    let of = "",
      end = 0;
    return () => {
      const { ridge, ...now } = { ...state[side], counts: state.counts };
      if (of !== JSON.stringify(now))
        [of, end] = [JSON.stringify(now), largestRidgeOf(state[side], state.counts)];
      return end;
    };
  };

  const showSetting = (side) => {
    const box = part(`setting-${side}`),
      focused = [...box.querySelectorAll("select")].indexOf(document.activeElement);
    box.replaceChildren(
      ...settingControls(side, state[side], losses, endOf(side), {
        changed: (change) => {
          state = { ...state, [side]: { ...state[side], ...change } };
          compute([side]);
        },
        rebuilt: (setting) => {
          state = { ...state, [side]: setting };
          showSetting(side);
          compute([side]);
        },
      }).flat(),
      html("p", { class: "note", role: "status", "data-part": `note-${side}` }),
    );
    if (focused >= 0) box.querySelectorAll("select")[focused].focus();
  };

  const show = () => {
    bars.take(state.counts, labels());
    showSetting("a");
    showSetting("b");
    compute();
  };
  const bars = barsOf((counts) => {
    state = { ...state, counts };
    controls.own();
    for (const side of ["a", "b"]) if (state[side].ridge) showSetting(side);
    compute();
  });
  const controls = countControls((counts, names) => {
    state = { ...state, counts: [...counts], names };
    show();
  });
  part("bars").append(bars.drawing);
  part("counts").append(...controls.nodes);

  const turnButton = html(
    "button",
    {
      type: "button",
      "aria-pressed": turning,
      onclick: () => {
        turning = !turning;
        turnButton.setAttribute("aria-pressed", turning);
        request();
      },
    },
    "turn the frames",
  );
  part("turning").append(turnButton);
  for (const side of ["A", "B"]) {
    turnable(boxes[`frame${side}`], (yaw, pitch) => {
      if (turning) turnButton.click();
      view = { yaw: view.yaw + yaw, pitch: Math.max(-1.5, Math.min(1.5, view.pitch + pitch)) };
      drawFrames();
    });
  }
  // A page that is something else too does not read its state from its address.
  const texts = [
    ["Python", "python"],
    ["shell line", "shell"],
    ...(given.linked ? [["link", "link"]] : []),
  ];
  if (!given.linked) part("link").closest("label").remove();
  part("copies").append(
    ...texts.map(([title, name]) => copyButton(title, part(name), part("said"))),
  );
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  const follow = () => {
    const found = given.linked
      ? fromHash(
          location.hash.slice(1),
          start,
          losses.map(([name]) => name),
        )
      : start;
    controls.say(found.problem || "");
    if (!found.problem) state = found;
    show();
  };
  addEventListener("hashchange", follow);
  follow();
};

// A page may hold several: each script wakes the one before it.
mount(document.currentScript.previousElementSibling);
// For the console, and for the tests that compare with Python.
globalThis.lopsided = {
  begin,
  geometryOf,
  distances,
  contrast,
  minorities,
  alignment,
  relativeMargins,
  spectrum,
  frameOf,
  parseCounts,
  written,
  PROFILES,
};
