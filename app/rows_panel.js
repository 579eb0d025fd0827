// A list of which only the rows in view exist. Runs once, with `element`, `props`, `watch` and `trigger` given by Gradio.
const ROW = 36; // pixels, as in style.css
const SPARE = 6;
const KINDS = {
  all: () => true,
  unlabelled: (row) => !row.label && !row.isBroken,
  problem: (row) => row.isBroken,
  harmful: (row) => row.label === 'harmful' && !row.isBroken,
  harmless: (row) => row.label === 'harmless' && !row.isBroken,
};
const panel = element.querySelector('.own-rows');
const view = element.querySelector('.view');
const space = element.querySelector('.space');
const tools = element.querySelector('.tools');
const words = element.querySelector('input');
let rows = [];
let shown = [];
let kind = 'all';
let last = null; // place, among those shown, of the row that was labelled last

function take() {
  rows = (props.value ? JSON.parse(props.value) : []).map(
    ([text, file, label, missing, isBroken], number) => ({ number, text, file, label, missing, isBroken }));
  panel.hidden = !rows.length;
  filter();
}

function filter() {
  const sought = words.value.trim().toLowerCase();
  shown = rows.filter((row) => KINDS[kind](row) && (!sought || `${row.text} ${row.file}`.toLowerCase().includes(sought)));
  last = null;
  view.scrollTop = 0;
  count();
  draw();
}

function count() {
  for (const button of tools.querySelectorAll('[data-kind]')) {
    button.querySelector('span').textContent = rows.filter(KINDS[button.dataset.kind]).length;
    button.setAttribute('aria-pressed', button.dataset.kind === kind);
  }
  for (const button of tools.querySelectorAll('[data-all]')) button.disabled = !shown.length;
  tools.querySelector('output').textContent = `${shown.length} shown`;
}

function cell(className, text, title) {
  const made = document.createElement('span');
  made.className = className;
  made.textContent = text;
  made.setAttribute('role', 'cell');
  if (title) made.title = title;
  return made;
}

function line(row, place) {
  const made = document.createElement('div');
  made.className = row.isBroken ? 'row broken' : 'row';
  made.style.top = `${place * ROW}px`;
  made.setAttribute('role', 'row');
  made.setAttribute('aria-rowindex', place + 1);
  const labels = cell('labels', '');
  for (const label of ['harmful', 'harmless']) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = label;
    button.dataset.label = label;
    button.dataset.place = place;
    button.setAttribute('aria-pressed', row.label === label);
    button.setAttribute('aria-label', `Row ${row.number + 1} is ${label}`);
    labels.append(button);
  }
  const missing = row.isBroken || !row.label ? row.missing : '';
  made.append(cell('number', row.number + 1), cell('text', row.text, row.text), cell('file', row.file, row.file),
    labels, cell('missing', missing, missing));
  return made;
}

function draw() {
  const first = Math.max(0, Math.floor(view.scrollTop / ROW) - SPARE);
  const end = Math.min(shown.length, Math.ceil((view.scrollTop + view.clientHeight) / ROW) + SPARE);
  space.style.height = `${shown.length * ROW}px`;
  space.setAttribute('aria-rowcount', shown.length);
  space.replaceChildren(...shown.slice(first, end).map((row, at) => line(row, first + at)));
}

function label(some, name) {
  for (const row of some) row.label = name;
  trigger('select', { rows: some.map((row) => row.number), label: name });
  count();
  draw();
}

view.addEventListener('scroll', draw, { passive: true });
view.addEventListener('click', (event) => {
  const button = event.target.closest('[data-label]');
  if (!button) return;
  const place = Number(button.dataset.place);
  const [from, to] = event.shiftKey && last !== null ? [Math.min(last, place), Math.max(last, place)] : [place, place];
  last = place;
  label(shown.slice(from, to + 1), button.dataset.label);
  view.querySelector(`[data-place="${place}"][data-label="${button.dataset.label}"]`)?.focus();
});
tools.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button?.dataset.kind) {
    kind = button.dataset.kind;
    filter();
  } else if (button?.dataset.all) {
    label(shown, button.dataset.all);
  }
});
words.addEventListener('input', filter);
watch('value', take);
new ResizeObserver(draw).observe(view);
take();
