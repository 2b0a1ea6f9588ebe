// Opens the scene, and draws it whenever something has changed.

const NO_WEBGL = "This page draws with WebGL 2, which this browser does not offer. Open it in a current Chrome, Edge, Firefox or Safari, with graphics acceleration switched on.";
const SHARPEST = 2; // pixels of the canvas for one of the page
const LONGEST_FRAME_S = 0.1; // of flight: a page that was away does not jump
const FIRST_FRAME_S = 1 / 60;
const SLOW_S = 0.05; // a frame: below this pace pictures in motion become coarser, above the other finer again
const QUICK_S = 0.025;
const COARSEST = 0.25; // pixels along a side, as a share of all
const REST_MS = 120; // without a change, until the picture becomes fine again

const element = (id) => document.getElementById(id);

class Page {
  constructor(about, scene) {
    this.about = about;
    this.canvas = element("picture");
    this.splats = new Splats(this.canvas, scene, about);
    this.camera = new Camera(about.views[about.start], about.up);
    this.sorter = new Worker(URL.createObjectURL(new Blob([element("sorter").textContent], { type: "text/javascript" })));
    this.sorter.postMessage({ positions: scene.positions }, [scene.positions.buffer]);
    this.sorter.onmessage = ({ data }) => this.ordered(data);
    this.stamp = 0; // of the camera as it is now; that of the order on the card lags behind
    this.orderStamp = -1;
    this.sorting = false;
    this.waiting = false;
    this.then = null;
    this.share = 1; // of the pixels along a side, while something moves
    this.moved = 0;
    this.drawn = null; // when the last picture in motion was
    this.controls = new Controls(this.canvas, this.camera, () => this.changed());
    new ResizeObserver(() => this.changed()).observe(this.canvas);
    this.canvas.addEventListener("webglcontextlost", () => say("The graphics card has gone away; open the page again."));
    this.buttons = about.views.map((view, row) => this.button(view, row));
    window.addEventListener("keydown", (event) => this.shortcut(event));
    this.show(about.start);
  }

  button(view, row) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = view.name;
    button.addEventListener("click", () => this.show(row));
    element("views").append(button);
    return button;
  }

  // Look from a view of the scene.
  show(row) {
    this.row = row;
    this.camera.set(this.about.views[row]);
    this.buttons.forEach((button, other) => {
      if (other === row) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    });
    this.changed();
  }

  shortcut(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.code === "KeyR") this.show(this.row);
    if (event.code === "KeyH") document.body.classList.toggle("bare");
  }

  changed() {
    this.stamp++;
    this.moved = performance.now();
    document.documentElement.dataset.state = "moving";
    this.again();
  }

  again() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.waiting = false;
    const seconds = this.then === null ? FIRST_FRAME_S : Math.min(LONGEST_FRAME_S, (now - this.then) / 1000);
    this.then = now;
    if (this.controls.fly(seconds)) this.changed();
    else this.then = null;
    const ordered = this.orderStamp === this.stamp;
    const still = ordered && (this.share === 1 || performance.now() - this.moved > REST_MS);
    this.pace(now, still);
    this.fit(still ? 1 : this.share);
    this.sort();
    this.splats.draw(this.camera);
    if (still) document.documentElement.dataset.state = "still";
    else if (ordered) setTimeout(() => this.again(), REST_MS);
  }

  // How coarse pictures in motion are follows from how long the last ones took.
  pace(now, still) {
    const seconds = this.drawn === null ? null : (now - this.drawn) / 1000;
    this.drawn = still ? null : now;
    if (seconds === null || still) return;
    if (seconds > SLOW_S) this.share = Math.max(COARSEST, this.share * 0.75);
    else if (seconds < QUICK_S) this.share = Math.min(1, this.share * 1.1);
  }

  fit(share) {
    const density = share * Math.min(SHARPEST, window.devicePixelRatio || 1);
    const width = Math.max(1, Math.round(this.canvas.clientWidth * density));
    const height = Math.max(1, Math.round(this.canvas.clientHeight * density));
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
  }

  // Asks for the order of this camera, once the last one has come.
  sort() {
    if (this.sorting || this.orderStamp === this.stamp) return;
    this.sorting = true;
    this.sorter.postMessage({ axis: this.camera.forward, offset: this.camera.shift()[2], near: NEAR, stamp: this.stamp });
  }

  ordered({ order, stamp }) {
    this.sorting = false;
    this.orderStamp = stamp;
    this.splats.order(order);
    this.again();
  }
}

function say(text) { element("message").textContent = text; }

async function open() {
  const about = JSON.parse(element("about").textContent);
  if (!document.createElement("canvas").getContext("webgl2")) throw new Error(NO_WEBGL);
  if (!window.DecompressionStream) throw new Error("This browser is too old to unpack the scene; open the page in a current Chrome, Edge, Firefox or Safari.");
  const scene = decode(await unzipped(bytesOfText(element("scene").textContent)));
  element("scene").remove();
  window.page = new Page(about, scene);
  say("");
}

open().catch((error) => {
  document.documentElement.dataset.state = "failed";
  say(error.message);
});
