// Tables that sort by any column, and rows that show the command that repeats their trial.
(() => {
  'use strict';
  const number = text => {
    const value = parseFloat(text.replaceAll('−', '-'));
    return Number.isNaN(value) ? null : value;
  };
  const plain = /^[A-Za-z0-9_.,:\/=+-]+$/;
  const word = text => plain.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'";

  for (const help of document.querySelectorAll('.table-help')) help.hidden = false;
  for (const table of document.querySelectorAll('table.sortable')) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, at) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener('click', () => {
        const up = head.getAttribute('aria-sort') !== 'ascending';
        heads.forEach(other => other.removeAttribute('aria-sort'));
        head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
        const rows = [...body.rows].map((row, i) => ({row, i, text: row.cells[at].dataset.v ?? row.cells[at].textContent}));
        const numeric = rows.every(({text}) => text === '–' || number(text) !== null);
        rows.sort((a, b) => {
          const absent = (a.text === '–') - (b.text === '–');
          if (absent) return absent;  // what is not there comes last either way
          const order = numeric ? number(a.text) - number(b.text) : a.text.localeCompare(b.text);
          return (up ? order : -order) || a.i - b.i;
        });
        body.append(...rows.map(({row}) => row));
      });
    });
    const shown = document.querySelector('.row-command');
    if (!shown) continue;
    body.addEventListener('click', e => {
      const row = e.target.closest('tr');
      if (!row) return;
      body.querySelectorAll('.chosen').forEach(other => other.classList.remove('chosen'));
      row.classList.add('chosen');
      const values = JSON.parse(shown.dataset.axes).map((key, i) => ({key, value: row.cells[i + 1].dataset.v ?? row.cells[i + 1].textContent}));
      const flags = keys => values.filter(({key}) => keys.includes(key)).map(({key, value}) => ` --${key} ${word(value)}`).join('');
      shown.hidden = false;
      shown.textContent = shown.dataset.generate.replace('{{axes}}', () => flags(JSON.parse(shown.dataset.generateKeys))) + '\n' +
                          shown.dataset.train.replace('{{axes}}', () => flags(JSON.parse(shown.dataset.trainKeys)));
    });
  }
})();
