// Any figure over any two axes, drawn from the means that stand in the page.
(() => {
  'use strict';
  const data = JSON.parse(document.getElementById('heat-data').textContent);
  const picker = document.querySelector('.heat-picker');
  const [column, row, metric] = ['column', 'row', 'metric'].map(role => picker.querySelector(`[data-role=${role}]`));
  const picture = picker.querySelector('[data-role=picture]');
  const names = [...new Set(data.pairs.flatMap(pair => [pair.column, pair.row]))];
  const fill = (select, options) => options.forEach((text, i) => select.add(new Option(text, i)));
  fill(column, names);
  fill(row, names);
  fill(metric, data.metrics.map(m => m.name));
  row.selectedIndex = names.indexOf(data.pairs[0].row);
  column.selectedIndex = names.indexOf(data.pairs[0].column);
  metric.selectedIndex = data.metric;

  const make = (parent, tag, attributes, text) => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const name in attributes) made.setAttribute(name, attributes[name]);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };
  const short = text => text.length > 11 ? text.slice(0, 10) + '…' : text;
  const digits = value => String(+value.toPrecision(3)).replace('-', '−');

  function draw() {
    picture.replaceChildren();
    const across = names[column.value], up = names[row.value];
    const pair = data.pairs.find(p => [p.row, p.column].includes(across) && [p.row, p.column].includes(up) && across !== up);
    if (!pair) {
      picture.textContent = 'Choose two different axes.';
      return;
    }
    const turned = pair.row !== up, cells = pair.values[metric.value];
    const columns = turned ? pair.rows : pair.columns, rows = turned ? pair.columns : pair.rows;
    const value = (r, c) => turned ? cells[c * pair.columns.length + r] : cells[r * pair.columns.length + c];
    const there = cells.filter(v => v !== null), share = data.metrics[metric.value].share;
    const low = share ? 0 : Math.min(...there), high = share ? 1 : Math.max(...there);
    const wide = Math.max(30, Math.min(64, 760 / columns.length)), tall = Math.max(18, Math.min(30, 480 / rows.length));
    const left = 96, top = 12, width = wide * columns.length, height = tall * rows.length;
    const svg = make(picture, 'svg', {width: left + width + 16, height: top + height + 44, viewBox: `0 0 ${left + width + 16} ${top + height + 44}`,
      role: 'img', 'aria-label': `${data.metrics[metric.value].name} over ${across} and ${up}`});
    rows.forEach((rowName, r) => {
      const y = top + height - tall * (r + 1);
      make(svg, 'text', {x: left - 6, y: y + tall / 2 + 4, 'text-anchor': 'end', class: 'tick'}, short(rowName));
      columns.forEach((columnName, c) => {
        const v = value(r, c);
        if (v === null) return;
        const at = high > low ? (v - low) / (high - low) : .5;
        const cell = make(svg, 'rect', {x: left + wide * c, y, width: wide, height: tall, fill: data.colours[Math.round(32 * at)]});
        make(cell, 'title', {}, `${across} ${columnName}, ${up} ${rowName}: ${v}`);
        if (digits(v).length * 7 < wide)
          make(svg, 'text', {x: left + wide * (c + .5), y: y + tall / 2 + 4, 'text-anchor': 'middle', class: at < .55 ? 'on-dark' : 'on-light'}, digits(v));
      });
    });
    const every = Math.ceil(66 / wide);
    columns.forEach((name, c) => {
      if (c % every === 0) make(svg, 'text', {x: left + wide * (c + .5), y: top + height + 16, 'text-anchor': 'middle', class: 'tick'}, short(name));
    });
    make(svg, 'text', {x: left + width / 2, y: top + height + 34, 'text-anchor': 'middle'}, across);
    make(svg, 'text', {x: 2, y: top + height + 16}, '↑ ' + short(up));
    if (there.length) legend(low, high, digits);
  }

  // The colours with their ends: where cells are too narrow for numbers this is all there is.
  function legend(low, high, digits) {
    const bar = make(picture, 'svg', {width: 360, height: 24, viewBox: '0 0 360 24', role: 'img', 'aria-label': 'colours'});
    make(bar, 'text', {x: 90, y: 15, 'text-anchor': 'end', class: 'tick'}, digits(low));
    data.colours.forEach((fill, i) => make(bar, 'rect', {x: 96 + 5 * i, y: 5, width: 5.5, height: 12, fill}));
    make(bar, 'text', {x: 102 + 5 * data.colours.length, y: 15, class: 'tick'}, digits(high));
  }
  for (const select of [column, row, metric]) select.addEventListener('change', draw);
  picker.hidden = false;
  draw();
})();
