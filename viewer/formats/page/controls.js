// Mouse, touch and keyboard move a camera; `changed` is called whenever they have.

const TURN_A_PIXEL = 0.006; // radians
const ZOOM_A_PIXEL = 0.0012;
const FLIGHT_A_SECOND = 0.6; // of the distance to the point ahead
const LOOK_A_SECOND = 0.9; // radians
const FLIGHTS = {
  KeyW: [0, 0, 1], KeyS: [0, 0, -1], KeyA: [-1, 0, 0], KeyD: [1, 0, 0], KeyQ: [0, 1, 0], KeyE: [0, -1, 0],
};
const LOOKS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

class Controls {
  constructor(canvas, camera, changed) {
    this.camera = camera;
    this.changed = changed;
    this.canvas = canvas;
    this.pointers = new Map();
    this.held = new Set();
    const on = (target, name, does, options) => target.addEventListener(name, does, options);
    on(canvas, "pointerdown", (event) => this.press(event));
    on(canvas, "pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) on(canvas, name, (event) => this.pointers.delete(event.pointerId));
    on(canvas, "contextmenu", (event) => event.preventDefault());
    on(canvas, "wheel", (event) => this.wheel(event), { passive: false });
    on(window, "keydown", (event) => this.key(event));
    on(window, "keyup", (event) => this.held.delete(event.code));
    on(window, "blur", () => this.held.clear());
  }

  press(event) {
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
    else if (this.pointers.size === 1) {
      const [x, y] = [now[0] - before[0], now[1] - before[1]];
      const moves = event.buttons & 6 || event.shiftKey || event.ctrlKey;
      if (moves) this.slide(x, y);
      else this.camera.orbit(this.aside(x * TURN_A_PIXEL), -y * TURN_A_PIXEL);
    }
    this.pointers.set(event.pointerId, now);
    this.changed();
  }

  // What is under the pointer turns with it, also where the camera hangs upside down.
  aside(angle) { return dot(this.camera.axes[1], this.camera.up) > 0 ? angle : -angle; }

  pinch(moved, before, now) {
    const other = [...this.pointers].find(([pointer]) => pointer !== moved)[1];
    const apart = (place) => Math.max(1, Math.hypot(place[0] - other[0], place[1] - other[1]));
    this.camera.zoom(apart(before) / apart(now));
    this.slide((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  }

  // The point ahead follows the pointer.
  slide(x, y) {
    const { focal } = this.camera.lens(this.canvas.clientWidth, this.canvas.clientHeight);
    this.camera.move(-x / focal[0], -y / focal[1], 0);
  }

  wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
    this.camera.zoom(Math.exp(Math.max(-400, Math.min(400, pixels)) * ZOOM_A_PIXEL));
    this.changed();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!(event.code in FLIGHTS) && !(event.code in LOOKS)) return;
    if (event.target instanceof HTMLButtonElement && event.code in LOOKS) return;
    this.held.add(event.code);
    event.preventDefault();
    this.changed();
  }

  // Goes on with the keys that are held; whether there are any.
  fly(seconds) {
    for (const code of this.held) {
      if (code in FLIGHTS) this.camera.move(...scaled(FLIGHTS[code], FLIGHT_A_SECOND * seconds));
      else {
        const [aside, upwards] = scaled(LOOKS[code], LOOK_A_SECOND * seconds);
        this.camera.look(this.aside(aside), upwards);
      }
    }
    return this.held.size > 0;
  }
}
