// The points in space: one small WebGL picture for each cloud, all turned together. Without WebGL the drawn
// pictures stay.
(() => {
  'use strict';
  const figures = [...document.querySelectorAll('figure.space')];
  if (!figures.length) return;
  const view = {turn: 0.62, tilt: 0.42, zoom: 1};
  const clouds = [];
  const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = name => {
    const hex = style(name).slice(1);
    return [0, 2, 4].map(i => parseInt(hex.slice(i, i + 2), 16) / 255);
  };
  const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));

  const vertexShader = `
    attribute vec3 place; attribute float label; uniform vec4 view; uniform vec3 colours[12]; uniform float size; varying vec3 tint;
    void main() {
      float c = cos(view.x), s = sin(view.x), ct = cos(view.y), st = sin(view.y);
      vec3 p = vec3(place.x * c - place.y * s, place.x * s + place.y * c, place.z);
      vec3 q = vec3(p.x, p.z * ct + p.y * st, p.y * ct - p.z * st);
      gl_Position = vec4(q.xy * view.z, q.z * 0.2, 1.0);
      gl_PointSize = size * (1.0 - 0.22 * q.z);
      int at = int(label + 0.5);
      for (int i = 0; i < 12; ++i) if (i == at) tint = colours[i];
    }`;
  const fragmentShader = `
    precision mediump float; varying vec3 tint; uniform float round;
    void main() {
      float r = length(gl_PointCoord - 0.5);
      if (round > 0.5 && r > 0.5) discard;
      gl_FragColor = vec4(tint, 1.0);
    }`;

  function program(gl) {
    const made = gl.createProgram();
    for (const [type, text] of [[gl.VERTEX_SHADER, vertexShader], [gl.FRAGMENT_SHADER, fragmentShader]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) return null;
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    return gl.getProgramParameter(made, gl.LINK_STATUS) ? made : null;
  }

  function buffer(gl, data) {
    const made = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, made);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    return made;
  }

  // The edges of the unit box, as pairs of corners from -1/2 to 1/2.
  const edges = [];
  for (let corner = 0; corner < 8; ++corner)
    for (let axis = 0; axis < 3; ++axis)
      if (!(corner >> axis & 1))
        for (const c of [corner, corner | 1 << axis]) edges.push((c & 1) - .5, (c >> 1 & 1) - .5, (c >> 2 & 1) - .5);

  function makeCloud(figure) {
    const canvas = document.createElement('canvas');
    const gl = canvas.getContext('webgl', {antialias: true, preserveDrawingBuffer: true});
    const made = gl && program(gl);
    if (!made) return;
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('tabindex', '0');
    canvas.setAttribute('aria-label', figure.querySelector('svg').getAttribute('aria-label') + '; drag to turn, wheel to zoom');
    figure.prepend(canvas);
    const names = figure.dataset.axes.split('\n').map(text => {
      const span = document.createElement('span');
      span.className = 'name';
      span.textContent = text;
      figure.append(span);
      return span;
    });
    const sets = {};
    for (const key of ['data', 'mean', 'noise', 'rescaled']) {
      if (!figure.dataset[key]) continue;
      const packed = bytes(figure.dataset[key]), count = packed.length / 7;
      sets[key] = {
        count,
        places: buffer(gl, new Int16Array(packed.buffer, 0, 3 * count)),
        labels: buffer(gl, packed.subarray(6 * count)),
      };
    }
    const cloud = {figure, canvas, gl, made, names, sets, box: buffer(gl, new Float32Array(edges)), drawn: figure.querySelector('figcaption').textContent};
    gl.useProgram(made);
    figure.classList.add('live');
    clouds.push(cloud);
    show(cloud, Object.keys(sets)[0]);
    canvas.addEventListener('webglcontextlost', () => {
      figure.classList.remove('live');
      figure.querySelector('figcaption').textContent = cloud.drawn;
    });
  }

  // The caption says what is shown, and how many points of how many.
  function show(cloud, key) {
    if (!cloud.sets[key]) return;
    cloud.shown = key;
    cloud.figure.querySelector('figcaption').textContent = cloud.figure.dataset[key + 'Caption'];
  }

  function draw(cloud) {
    const {canvas, gl, made, sets} = cloud, ratio = Math.min(devicePixelRatio || 1, 2);
    const side = Math.round(canvas.clientWidth * ratio);
    if (!side) return;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    gl.viewport(0, 0, side, side);
    const at = name => gl.getUniformLocation(made, name), in_ = name => gl.getAttribLocation(made, name);
    gl.clearColor(...colour('--page'), 1);
    gl.enable(gl.DEPTH_TEST);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const scale = 1.16 * view.zoom;
    gl.uniform4f(at('view'), view.turn, view.tilt, scale, 0);
    const palette = [...Array(10).keys()].map(i => colour('--m' + i));
    gl.uniform3fv(at('colours'), new Float32Array([...palette, colour('--line'), colour('--soft')].flat()));
    gl.enableVertexAttribArray(in_('place'));
    gl.bindBuffer(gl.ARRAY_BUFFER, cloud.box);
    gl.vertexAttribPointer(in_('place'), 3, gl.FLOAT, false, 0, 0);
    gl.disableVertexAttribArray(in_('label'));
    gl.vertexAttrib1f(in_('label'), 10);
    gl.uniform1f(at('round'), 0);
    gl.uniform1f(at('size'), 1);
    gl.drawArrays(gl.LINES, 0, 24);
    const set = sets[cloud.shown];
    gl.uniform1f(at('round'), 1);
    gl.uniform1f(at('size'), (set.count > 5000 ? 2.4 : 4) * ratio * Math.sqrt(view.zoom));
    gl.bindBuffer(gl.ARRAY_BUFFER, set.places);
    gl.vertexAttribPointer(in_('place'), 3, gl.SHORT, true, 0, 0);
    gl.enableVertexAttribArray(in_('label'));
    gl.bindBuffer(gl.ARRAY_BUFFER, set.labels);
    gl.vertexAttribPointer(in_('label'), 1, gl.UNSIGNED_BYTE, false, 0, 0);
    gl.drawArrays(gl.POINTS, 0, set.count);
    placeNames(cloud, scale);
  }

  function placeNames(cloud, scale) {
    const c = Math.cos(view.turn), s = Math.sin(view.turn), ct = Math.cos(view.tilt), st = Math.sin(view.tilt);
    const size = cloud.canvas.clientWidth;
    [[0, -.57, -.57], [.57, 0, -.57], [-.57, .57, 0]].forEach((p, axis) => {
      const x = p[0] * c - p[1] * s, depth = p[0] * s + p[1] * c, y = p[2] * ct + depth * st;
      cloud.names[axis].style.transform =
        `translate(${(size / 2 * (1 + x * scale)).toFixed(1)}px, ${(size / 2 * (1 - y * scale)).toFixed(1)}px) translate(-50%, -50%)`;
    });
  }

  let waiting = false;
  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; clouds.forEach(draw); });
  }

  function turn(across, up) {
    view.turn -= across;
    view.tilt = Math.max(-1.57, Math.min(1.57, view.tilt + up));
    redraw();
  }
  function zoom(factor) {
    view.zoom = Math.max(.4, Math.min(12, view.zoom * factor));
    redraw();
  }

  function listen({canvas}) {
    const fingers = new Map();
    const spread = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
    canvas.addEventListener('pointerdown', e => {
      canvas.setPointerCapture(e.pointerId);
      fingers.set(e.pointerId, {x: e.clientX, y: e.clientY});
    });
    canvas.addEventListener('pointermove', e => {
      const last = fingers.get(e.pointerId);
      if (!last) return;
      const before = fingers.size === 2 ? spread() : 0;
      fingers.set(e.pointerId, {x: e.clientX, y: e.clientY});
      if (fingers.size === 2) zoom(spread() / before);
      else turn((e.clientX - last.x) * .01, (e.clientY - last.y) * .01);
    });
    for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, e => fingers.delete(e.pointerId));
    canvas.addEventListener('wheel', e => { e.preventDefault(); zoom(Math.exp(-e.deltaY * .0012)); }, {passive: false});
    canvas.addEventListener('keydown', e => {
      const step = {ArrowLeft: [-.1, 0], ArrowRight: [.1, 0], ArrowUp: [0, -.1], ArrowDown: [0, .1]}[e.key];
      if (step) { e.preventDefault(); turn(...step); }
      if (e.key === '+') zoom(1.2);
      if (e.key === '-') zoom(1 / 1.2);
    });
  }

  figures.forEach(makeCloud);
  if (!clouds.length) return;
  clouds.forEach(listen);
  const controls = document.querySelector('.space-controls');
  controls.hidden = false;
  controls.addEventListener('click', e => {
    const button = e.target.closest('button');
    if (!button) return;
    if (button.dataset.shown) {
      clouds.forEach(cloud => show(cloud, button.dataset.shown));
      controls.querySelectorAll('[data-shown]').forEach(b => b.setAttribute('aria-pressed', b === button));
    } else {
      Object.assign(view, {turn: .62, tilt: .42, zoom: 1});
    }
    redraw();
  });
  // On paper the drawn pictures stand in place of these.
  addEventListener('beforeprint', () => clouds.forEach(({figure, drawn}) => { figure.querySelector('figcaption').textContent = drawn; }));
  addEventListener('afterprint', () => clouds.forEach(cloud => show(cloud, cloud.shown)));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  new ResizeObserver(redraw).observe(document.body);
  redraw();
})();
