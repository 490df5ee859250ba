// The boxes of all drawings. They stay while what is in them changes, so that focus and pointers
// stay with them.

const panelsOf = (part) => {
  const boxes = {},
    notes = {};
  const panel = (name, title, inner = {}) => {
    boxes[name] = html("div", { class: "drawing", ...inner });
    notes[name] = html("span", { role: name.startsWith("map") ? "status" : null });
    return html(
      "figure",
      {},
      boxes[name],
      html(
        "figcaption",
        {},
        notes[name],
        " ",
        saveButton(title, () => boxes[name].querySelector("svg")),
      ),
    );
  };
  const turnLabel = (side) => ({
    tabindex: 0,
    role: "group",
    class: "drawing turnable",
    "aria-label": `Frame of ${side}; arrow keys turn it`,
  });
  const mapLabel = (side) => ({
    tabindex: 0,
    role: "group",
    "aria-label": `Cosines of ${side}; arrow keys choose two classes`,
  });
  part("frames").append(
    ...["A", "B"].map((side) => panel(`frame${side}`, `frame ${side}`, turnLabel(side))),
  );
  part("maps").append(
    ...["A", "B"].map((side) => panel(`map${side}`, `cosines ${side}`, mapLabel(side))),
  );
  part("profiles").append(...PROFILE_VIEWS.map(([title], i) => panel(`profile${i}`, title)));
  return { boxes, notes };
};
