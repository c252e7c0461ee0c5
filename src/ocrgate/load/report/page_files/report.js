"use strict";
(function () {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  let figures = [];

  function theme(name) {
    root.dataset.theme = name;
    for (const figure of figures) restyle(figure);
  }
  theme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", (event) => theme(event.matches ? "dark" : "light"));
  document.querySelector("button.theme").addEventListener("click", () =>
    theme(root.dataset.theme === "dark" ? "light" : "dark"));

  // Tables sort by what a cell stands for, not by how it is written.
  for (const head of document.querySelectorAll("th button")) {
    head.addEventListener("click", () => {
      const cell = head.closest("th");
      const body = cell.closest("table").tBodies[0];
      const up = cell.getAttribute("aria-sort") !== "ascending";
      for (const other of cell.parentNode.children) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.cells[cell.cellIndex].dataset.value;
      const rows = Array.from(body.rows);
      rows.sort((a, b) => compare(key(a), key(b), up));
      rows.forEach((row) => body.append(row));
    });
  }

  function compare(a, b, up) {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    const difference = a !== "" && b !== "" && !isNaN(a) && !isNaN(b) ? a - b : a.localeCompare(b);
    return up ? difference : -difference;
  }

  function warn(name) {
    const box = document.getElementById("message");
    box.textContent = box.dataset[name];
    box.hidden = false;
    for (const place of document.querySelectorAll(".drawn")) place.closest("figure").hidden = true;
  }

  async function unpack(id) {
    const text = atob(document.getElementById(id).textContent.trim());
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  function axis(given) {
    return {
      gridcolor: colour("grid"), zerolinecolor: colour("grid"), linecolor: colour("line"),
      tickcolor: colour("line"), automargin: true, ...given,
      title: { standoff: 8, ...given.title },
    };
  }

  // Lines of a legend beyond two: on a narrow screen each name may need one of its own.
  function extra(figure, width) {
    if (figure.layout.scene) return 0;
    const names = figure.traces.map((trace) => trace.name || "");
    const longest = Math.max(0, ...names.map((name) => name.length)) * 7 + 60;
    const each = Math.max(1, Math.floor(width / longest));
    return Math.max(0, Math.ceil(names.length / each) - 2) * 19;
  }

  // A figure comes without the theme's colours; they are put on here, each time anew.
  function layout(figure, width) {
    const given = figure.layout;
    const made = {
      margin: { l: 56, r: 16, t: 30, b: 44 }, hovermode: "closest", showlegend: figure.traces.length > 1,
      legend: { orientation: "h", y: -0.2, yanchor: "top", x: 0 },
      barmode: "group", ...given,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("ink"), family: getComputedStyle(document.body).fontFamily, size: 12 },
      hoverlabel: { font: { size: 12 } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("soft"), activecolor: colour("accent") }, autosize: true,
    };
    made.height = figure.tall + extra(figure, width);
    if (given.scene) {
      made.scene = { ...given.scene };
      for (const name of ["xaxis", "yaxis", "zaxis"])
        made.scene[name] = { ...axis(given.scene[name]), color: colour("soft"),
          gridcolor: colour("line"), backgroundcolor: colour("paper"), showbackground: true };
      delete made.legend; made.showlegend = false;
    } else {
      made.xaxis = axis(given.xaxis || {});
      made.yaxis = axis(given.yaxis || {});
    }
    return made;
  }

  // Buttons are named one by one: by default there is one that sends the data to a company.
  const config = (figure) => ({
    displaylogo: false, responsive: true, displayModeBar: true, showSendToCloud: false,
    plotlyServerURL: "", showLink: false, showEditInChartStudio: false,
    toImageButtonOptions: { filename: figure.name, scale: 2 },
    modeBarButtons: [figure.solid
      ? ["toImage", "orbitRotation", "pan3d", "resetCameraDefault3d"]
      : ["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  });

  function hasWebGL() {
    try {
      const canvas = document.createElement("canvas");
      return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl"));
    } catch (error) { return false; }
  }

  function draw(figure) {
    const place = document.getElementById("plot-" + figure.name);
    place.classList.remove("waiting");
    place.textContent = "";
    if (figure.solid && !hasWebGL()) {
      place.classList.add("waiting");
      place.style.minHeight = "0";
      place.textContent = document.getElementById("message").dataset.webgl;
      return Promise.resolve();
    }
    figure.place = place;
    return Plotly.newPlot(place, figure.traces, layout(figure, place.clientWidth), config(figure));
  }

  function restyle(figure) {
    if (figure.place) Plotly.react(figure.place, figure.traces, layout(figure, figure.place.clientWidth), config(figure));
  }

  async function start() {
    if (!document.getElementById("figures")) return;
    if (typeof DecompressionStream === "undefined") return warn("unpack");
    try {
      const [library, data] = await Promise.all([unpack("library"), unpack("figures")]);
      (0, eval)(library);
      figures = JSON.parse(data);
      for (const figure of figures) await draw(figure);
      root.dataset.drawn = "yes";
    } catch (error) {
      warn("unpack");
      throw error;
    }
  }
  window.addEventListener("load", start);
})();
