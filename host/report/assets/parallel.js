// Keeps the lines that cross an axis where somebody drew along it.
(() => {
  'use strict';
  const figure = document.querySelector('figure.parallel');
  if (!figure) return;
  const svg = figure.querySelector('svg');
  const rails = [...svg.querySelectorAll('line.rail')];
  const lines = [...svg.querySelectorAll('path.thin')].map(path => ({
    path, heights: path.getAttribute('d').split(/[ML]/).slice(1).map(point => +point.split(' ')[1]),
  }));
  const ranges = new Map(), marks = new Map();
  document.querySelector('.parallel-help').hidden = false;

  const place = e => {
    const point = new DOMPoint(e.clientX, e.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return {x: point.x, y: point.y};
  };
  function show() {
    for (const {path, heights} of lines)
      path.style.display = [...ranges].every(([rail, [a, b]]) => heights[rail] >= a && heights[rail] <= b) ? '' : 'none';
  }
  function mark(rail) {
    marks.get(rail)?.remove();
    if (!ranges.has(rail)) return;
    const [a, b] = ranges.get(rail), rect = document.createElementNS(svg.namespaceURI, 'rect');
    const x = +rails[rail].getAttribute('x1');
    for (const [name, value] of Object.entries({x: x - 6, y: a, width: 12, height: Math.max(b - a, 1), class: 'data'})) rect.setAttribute(name, value);
    svg.append(rect);
    marks.set(rail, rect);
  }
  let drawing = null;
  svg.style.touchAction = 'pan-x';
  svg.addEventListener('pointerdown', e => {
    const at = place(e);
    const distances = rails.map(rail => Math.abs(+rail.getAttribute('x1') - at.x));
    const rail = distances.indexOf(Math.min(...distances));
    if (distances[rail] > 24) return;
    svg.setPointerCapture(e.pointerId);
    drawing = {rail, from: at.y};
    ranges.delete(rail);
  });
  svg.addEventListener('pointermove', e => {
    if (!drawing) return;
    const y = place(e).y;
    if (Math.abs(y - drawing.from) > 2) ranges.set(drawing.rail, [Math.min(y, drawing.from), Math.max(y, drawing.from)]);
    mark(drawing.rail);
    show();
  });
  for (const end of ['pointerup', 'pointercancel'])
    svg.addEventListener(end, () => {
      if (drawing) mark(drawing.rail);
      drawing = null;
      show();
    });
})();
