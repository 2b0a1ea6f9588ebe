"use strict";

// One state for all views: which pictures are seen, where they are parted, and which part of them is seen.
// Styles read it as properties of the page, so a move touches no view.
const page = document.documentElement;
const cards = document.querySelector(".cards");
const chips = [...document.querySelectorAll(".tools [data-layer]")];
const beside = document.querySelector(".beside");
const order = document.querySelector(".order");
const MOST_ZOOM = 16;

let shown = chips.map(() => true);
let cuts = []; // where the strips that are shown are parted, in percent
let zoom = 1;
let corner = [0, 0]; // the part of a picture at its frame's upper left, in [0, 1 - 1 / zoom]
let held = 0; // the divider that arrow keys move

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const count = () => shown.filter(Boolean).length;

function showCuts() {
  const edges = [0, ...cuts, 100];
  let place = 0;
  shown.forEach((seen, layer) => {
    page.style.setProperty(`--from-${layer}`, (seen ? edges[place] : 0) + "%");
    page.style.setProperty(`--to-${layer}`, (seen ? edges[place + 1] : 0) + "%");
    place += seen;
  });
  cuts.forEach((cut, row) => page.style.setProperty(`--to-cut-${row}`, cut + "%"));
  for (const handle of document.querySelectorAll(".handle")) {
    handle.setAttribute("aria-valuenow", Math.round(cuts[handle.dataset.cut] ?? 0));
  }
}

function moveCut(row, percent) {
  held = row;
  cuts = cuts.map((cut, each) =>
    each < row ? Math.min(cut, percent) : each > row ? Math.max(cut, percent) : percent,
  );
  showCuts();
}

function show(layers) {
  shown = layers;
  cuts = Array.from({ length: count() - 1 }, (_, row) => (100 * (row + 1)) / count());
  held = 0;
  chips.forEach((chip, layer) => chip.setAttribute("aria-pressed", shown[layer]));
  for (const strip of document.querySelectorAll(".strip")) strip.hidden = !shown[strip.dataset.layer];
  for (const handle of document.querySelectorAll(".handle")) handle.hidden = handle.dataset.cut >= cuts.length;
  showCuts();
}

function toggle(layer, alone) {
  if (layer >= chips.length) return;
  const wanted = shown.map((seen, each) => (alone ? each === layer : each === layer ? !seen : seen));
  if (wanted.some(Boolean)) show(wanted);
}

function look(factor, left, top) {
  zoom = clamp(factor, 1, MOST_ZOOM);
  corner = [left, top].map((edge) => clamp(edge, 0, 1 - 1 / zoom));
  page.style.setProperty("--zoom", zoom);
  page.style.setProperty("--left", -100 * corner[0] + "%");
  page.style.setProperty("--top", -100 * corner[1] + "%");
  page.classList.toggle("zoomed", zoom > 1);
  page.classList.toggle("large", zoom >= 4);
  document.querySelector(".tools output").textContent = `${Number(zoom.toFixed(1))}×`;
}

// What is under the point [x, y] of a frame, in [0, 1], stays there.
const zoomAbout = (factor, [x, y]) => {
  const next = clamp(factor, 1, MOST_ZOOM);
  look(next, corner[0] + x / zoom - x / next, corner[1] + y / zoom - y / next);
};

const apart = () => page.classList.contains("apart");
const frameOf = (event) => {
  const inside = event.target.closest(".frame, .strip") ?? event.target.closest(".deck");
  return inside?.getBoundingClientRect();
};
const within = (box, event) => [(event.clientX - box.x) / box.width, (event.clientY - box.y) / box.height];

function drag(event) {
  const box = frameOf(event);
  if (!box || event.button) return;
  const deck = event.target.closest(".deck");
  const handle = event.target.closest(".handle");
  const parts = deck && !apart() && cuts.length && (handle || zoom === 1);
  let last = within(box, event);
  if (parts) {
    const at = 100 * last[0];
    const nearest = cuts.reduce((best, cut, row) => (Math.abs(cut - at) < Math.abs(cuts[best] - at) ? row : best), 0);
    const row = handle ? Number(handle.dataset.cut) : nearest;
    const area = deck.getBoundingClientRect();
    const move = (moved) => moveCut(row, clamp(100 * within(area, moved)[0], 0, 100));
    if (!handle) move(event);
    follow(event, move);
  } else if (zoom > 1) {
    follow(event, (moved) => {
      const now = within(box, moved);
      look(zoom, corner[0] - (now[0] - last[0]) / zoom, corner[1] - (now[1] - last[1]) / zoom);
      last = now;
    });
  }
}

function follow(event, move) {
  const target = event.currentTarget;
  const end = () => {
    target.removeEventListener("pointermove", move);
    target.removeEventListener("pointerup", end);
    target.removeEventListener("pointercancel", end);
  };
  target.setPointerCapture(event.pointerId);
  target.addEventListener("pointermove", move);
  target.addEventListener("pointerup", end);
  target.addEventListener("pointercancel", end);
}

cards.addEventListener("pointerdown", drag);
cards.addEventListener("dblclick", (event) => {
  const box = frameOf(event);
  if (box) zoomAbout(zoom > 1 ? 1 : 3, within(box, event));
});
cards.addEventListener(
  "wheel",
  (event) => {
    const box = frameOf(event);
    if (!box || !(event.ctrlKey || event.metaKey)) return; // the wheel alone scrolls the page
    event.preventDefault();
    zoomAbout(zoom * 2 ** (-event.deltaY / 200), within(box, event));
  },
  { passive: false },
);

chips.forEach((chip, layer) => chip.addEventListener("click", (event) => toggle(layer, event.shiftKey)));
const setApart = () => beside.setAttribute("aria-pressed", page.classList.toggle("apart"));
beside.addEventListener("click", setApart);
document.querySelector(".out").addEventListener("click", () => zoomAbout(zoom / 1.5, [0.5, 0.5]));
document.querySelector(".in").addEventListener("click", () => zoomAbout(zoom * 1.5, [0.5, 0.5]));

// Views in order: what is compared is a number of each, and the larger comes first.
const psnr = (card) => card.dataset.psnr.split(",").map(Number);
const ranks = {
  place: (card) => -card.dataset.place,
  spread: (card) => Math.max(...psnr(card)) - Math.min(...psnr(card)),
  worst: (card) => -Math.min(...psnr(card)),
  gain: (card, run) => psnr(card)[run] - psnr(card)[0],
  loss: (card, run) => psnr(card)[0] - psnr(card)[run],
};
order.addEventListener("change", () => {
  const [rank, run] = order.value.split("-");
  cards.append(...[...cards.children].sort((one, other) => ranks[rank](other, run) - ranks[rank](one, run)));
});

for (const table of document.querySelectorAll(".sortable")) {
  const heads = [...table.querySelectorAll("th")];
  heads.forEach((head, column) =>
    head.firstElementChild.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => Number(row.cells[column].dataset.value) * (down ? 1 : -1);
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort((one, other) => value(other) - value(one)));
    }),
  );
}

function step(forward) {
  const top = document.querySelector(".tools").getBoundingClientRect().bottom + 16;
  const edges = [...cards.children].map((card) => [card, card.getBoundingClientRect().y]);
  const found = forward ? edges.find(([, y]) => y > top + 1) : edges.findLast(([, y]) => y < top - 17);
  found?.[0].scrollIntoView();
}

const keys = {
  "+": () => zoomAbout(zoom * 1.5, [0.5, 0.5]),
  "-": () => zoomAbout(zoom / 1.5, [0.5, 0.5]),
  0: () => look(1, 0, 0),
  j: () => step(true),
  k: () => step(false),
  s: setApart,
};
const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -100, End: 100 };

document.addEventListener("keydown", (event) => {
  const busy = event.target.closest("select, input, textarea") || event.ctrlKey || event.metaKey || event.altKey;
  if (busy) return;
  const digit = /^Digit([1-9])$/.exec(event.code);
  const handle = event.target.closest(".handle");
  if (event.key in steps && cuts.length && (handle || event.key.startsWith("Arrow"))) {
    const row = handle ? Number(handle.dataset.cut) : held;
    moveCut(row, clamp(cuts[row] + steps[event.key] * (event.shiftKey ? 10 : 1), 0, 100));
  } else if (digit) toggle(digit[1] - 1, event.shiftKey);
  else if (event.key in keys) keys[event.key]();
  else return;
  event.preventDefault();
});

show(shown);
look(1, 0, 0);
