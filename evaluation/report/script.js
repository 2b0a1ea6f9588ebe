"use strict";

// The slider is a range input over the pictures: mouse, touch, keyboard and screen readers come with it.
for (const stage of document.querySelectorAll(".stage")) {
  const input = stage.querySelector("input");
  const left = stage.querySelector(".left");
  const right = stage.querySelector(".right");
  const show = () => {
    const split = Number(input.value);
    stage.style.setProperty("--split", split + "%");
    left.style.opacity = split < 15 ? 0 : 1;
    right.style.opacity = split > 85 ? 0 : 1;
  };
  input.addEventListener("input", show);
  show();
}

// Values under the pointer.
for (const chart of document.querySelectorAll(".chart:has(output)")) {
  const svg = chart.querySelector("svg");
  const cross = chart.querySelector(".cross");
  const output = chart.querySelector("output");
  const latest = output.textContent;
  const data = JSON.parse(chart.querySelector("script").textContent);
  const nearest = (points, x) =>
    points.reduce((best, point) => (Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best));
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const told = data.map((series) => nearest(series.points, at));
    const x = nearest(told, at)[0];
    cross.setAttribute("x1", x);
    cross.setAttribute("x2", x);
    cross.style.visibility = "visible";
    output.textContent = told.map((point) => point[1]).join("  ·  ");
  });
  svg.addEventListener("pointerleave", () => {
    cross.style.visibility = "hidden";
    output.textContent = latest;
  });
}
