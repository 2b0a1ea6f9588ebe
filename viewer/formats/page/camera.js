// A camera that is turned around a point, moved and flown. Axes: x right, y down, z forward.

const add = (a, b, share = 1) => a.map((value, i) => value + share * b[i]);
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const scaled = (a, factor) => a.map((value) => value * factor);
const normalized = (a) => scaled(a, 1 / Math.hypot(...a));

// A vector turned about a unit axis by an angle (Rodrigues).
function turnedAbout(vector, axis, angle) {
  const cosine = Math.cos(angle), sine = Math.sin(angle);
  const along = scaled(axis, dot(axis, vector) * (1 - cosine));
  return add(add(along, vector, cosine), cross(axis, vector), sine);
}

const STEEPEST = 0.999; // cosine between the direction and up: beyond it, sideways has no meaning

class Camera {
  constructor(view, up) {
    this.up = up;
    this.set(view);
  }

  // view: { width, height, focal: [fx, fy], middle: [cx, cy], right, down, forward, place, distance }
  set(view) {
    this.view = view;
    this.place = [...view.place];
    this.axes = [[...view.right], [...view.down], [...view.forward]];
    this.distance = view.distance;
  }

  get forward() { return this.axes[2]; }

  // Focal lengths and middle in pixels of a canvas that holds the whole of the view's image.
  lens(width, height) {
    const factor = Math.min(width / this.view.width, height / this.view.height);
    return {
      focal: scaled(this.view.focal, factor),
      middle: [
        width / 2 + factor * (this.view.middle[0] - this.view.width / 2),
        height / 2 + factor * (this.view.middle[1] - this.view.height / 2),
      ],
    };
  }

  // The matrix camera-from-world, column after column.
  rowsAsColumns() { return [0, 1, 2].flatMap((column) => this.axes.map((axis) => axis[column])); }
  shift() { return this.axes.map((axis) => -dot(axis, this.place)); }

  // Turn around the point ahead.
  orbit(aside, upwards) {
    const point = add(this.place, this.forward, this.distance);
    this.look(aside, upwards);
    this.place = add(point, this.forward, -this.distance);
  }

  // Turn where it stands.
  look(aside, upwards) {
    const before = this.axes;
    this.axes = this.axes.map((axis) => turnedAbout(axis, this.up, aside));
    const level = this.axes;
    const right = level[0];
    this.axes = level.map((axis) => turnedAbout(axis, right, upwards));
    const steep = (axes) => Math.abs(dot(axes[2], this.up));
    if (steep(this.axes) > STEEPEST && steep(this.axes) > steep(before)) this.axes = level;
    this.straighten();
  }

  // Rounding must not make the axes drift from one another over thousands of turns.
  straighten() {
    const forward = normalized(this.axes[2]);
    const right = normalized(add(this.axes[0], forward, -dot(this.axes[0], forward)));
    this.axes = [right, cross(forward, right), forward];
  }

  // Move by shares of the distance to the point ahead.
  move(right, down, forward) {
    const way = [right, down, forward];
    way.forEach((share, i) => { this.place = add(this.place, this.axes[i], share * this.distance); });
  }

  // Go nearer to the point ahead, or away from it.
  zoom(factor) {
    const distance = this.distance * factor;
    this.place = add(this.place, this.forward, this.distance - distance);
    this.distance = distance;
  }
}
