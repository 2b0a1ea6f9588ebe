// Draws a scene by WebGL 2: a quad a Gaussian, the farthest first.

const NEAR = 0.01;

class Splats {
  constructor(canvas, scene, about) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
    if (!gl) throw new Error(NO_WEBGL);
    this.gl = gl;
    this.canvas = canvas;
    this.background = about.background;
    // Sums of many thin layers need more than eight bits; where a card cannot blend floats, eight have to do.
    this.exact = gl.getExtension("EXT_color_buffer_float") !== null;
    this.program = this.linked(VERTEX, FRAGMENT);
    this.copy = this.exact ? this.linked(COPY_VERTEX, COPY_FRAGMENT) : null;
    this.places = new Proxy({}, { get: (found, name) => (found[name] ??= gl.getUniformLocation(this.program, name)) });
    this.upload(scene, about.antialiased);
    this.rows = gl.createBuffer();
    this.shown = 0;
    const row = gl.getAttribLocation(this.program, "row");
    gl.bindVertexArray(gl.createVertexArray());
    gl.bindBuffer(gl.ARRAY_BUFFER, this.rows);
    gl.enableVertexAttribArray(row);
    gl.vertexAttribIPointer(row, 1, gl.UNSIGNED_INT, 0, 0);
    gl.vertexAttribDivisor(row, 1);
    gl.disable(gl.DEPTH_TEST);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  // The rows of the Gaussians that are drawn, in their order.
  order(rows) {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.rows);
    gl.bufferData(gl.ARRAY_BUFFER, rows, gl.DYNAMIC_DRAW);
    this.shown = rows.length;
  }

  draw(camera) {
    const { gl, canvas, places } = this;
    const width = canvas.width, height = canvas.height;
    const lens = camera.lens(width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.exact ? this.target(width, height) : null);
    gl.viewport(0, 0, width, height);
    gl.clearColor(...this.background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(this.program);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.data);
    gl.uniformMatrix3fv(places.turn, false, camera.rowsAsColumns());
    gl.uniform3fv(places.shift, camera.shift());
    gl.uniform3fv(places.eye, camera.place);
    gl.uniform2fv(places.focal, lens.focal);
    gl.uniform2fv(places.middle, lens.middle);
    gl.uniform2f(places.size, width, height);
    gl.enable(gl.BLEND);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.shown);
    gl.disable(gl.BLEND);
    if (!this.exact) return;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.useProgram(this.copy);
    gl.bindTexture(gl.TEXTURE_2D, this.blended);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  // All Gaussians as one texture; the words of one stand side by side in a row.
  upload(scene, antialiased) {
    const gl = this.gl, each = scene.wordsEach / 4;
    const most = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    const perRow = Math.min(Math.floor(most / each), Math.max(1, scene.count));
    const height = Math.ceil(scene.count / perRow);
    if (height > most) throw new Error("This scene is larger than the memory that this browser gives to a picture; export a part of it by --crop, or fewer colours by --sh-degree 0.");
    this.data = this.texture();
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA32UI, perRow * each, height);
    const whole = Math.floor(scene.count / perRow), wordsARow = perRow * scene.wordsEach;
    const put = (top, width, rows, words) =>
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, top, width, rows, gl.RGBA_INTEGER, gl.UNSIGNED_INT, words);
    if (whole) put(0, perRow * each, whole, scene.words.subarray(0, whole * wordsARow));
    const rest = scene.words.subarray(whole * wordsARow);
    if (rest.length) put(whole, rest.length / 4, 1, rest);
    gl.useProgram(this.program);
    gl.uniform1i(this.places.texelsEach, each);
    gl.uniform1i(this.places.perRow, perRow);
    gl.uniform1i(this.places.degree, scene.degree);
    gl.uniform1i(this.places.antialiased, antialiased ? 1 : 0);
  }

  // A framebuffer of floats as large as the canvas.
  target(width, height) {
    const gl = this.gl;
    if (this.buffer && this.size[0] === width && this.size[1] === height) return this.buffer;
    gl.deleteTexture(this.blended ?? null);
    this.blended = this.texture();
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA16F, width, height);
    this.buffer ??= gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.blended, 0);
    this.size = [width, height];
    return this.buffer;
  }

  texture() {
    const gl = this.gl, texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
    return texture;
  }

  linked(vertex, fragment) {
    const gl = this.gl, program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      const told = gl.getAttachedShaders(program).map((shader) => gl.getShaderInfoLog(shader)).join(" ");
      throw new Error(`This graphics card refuses the program that draws the scene: ${gl.getProgramInfoLog(program)} ${told}`);
    }
    return program;
  }
}
