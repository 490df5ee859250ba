// What is taken away: text to the clipboard, a drawing as a file.

const copyButton = (title, area, said) =>
  html(
    "button",
    {
      type: "button",
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(area.value);
        } catch {
          // without permission: the browser's older way, on text that is selected and seen
          area.select();
          document.execCommand("copy");
        }
        said.textContent = `${title} copied.`;
      },
    },
    `Copy as ${title}`,
  );

const STYLES = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "font-family",
  "font-size",
  "font-weight",
  "opacity",
];

// A drawing that looks without this page as it does here: each node has its styles written on it.
const standalone = (drawing) => {
  const copy = drawing.cloneNode(true),
    [, , width, height] = drawing.getAttribute("viewBox").split(" ");
  const nodes = [...drawing.querySelectorAll("*")],
    copies = [...copy.querySelectorAll("*")];
  nodes.forEach((node, i) => {
    const style = getComputedStyle(node);
    STYLES.forEach((name) => {
      const value = style.getPropertyValue(name);
      if (value && !(name === "fill" && value.startsWith("url")))
        copies[i].setAttribute(name, value);
    });
    ["class", "tabindex", "role"].forEach((name) => copies[i].removeAttribute(name));
  });
  const paper = getComputedStyle(drawing.closest(".explorer")).backgroundColor;
  copy.prepend(svg("rect", { width, height, fill: paper }));
  fill(copy, { xmlns: SVG, width, height }, []);
  return new XMLSerializer().serializeToString(copy);
};

const saveButton = (name, drawingOf) =>
  html(
    "button",
    {
      type: "button",
      class: "save",
      "aria-label": `Save SVG: ${name}`,
      onclick: () => {
        const address = URL.createObjectURL(
          new Blob([standalone(drawingOf())], { type: "image/svg+xml" }),
        );
        html("a", {
          href: address,
          download: `${name.replace(/[^a-z0-9]+/gi, "-").toLowerCase()}.svg`,
        }).click();
        setTimeout(() => URL.revokeObjectURL(address), 1000);
      },
    },
    "save SVG",
  );
