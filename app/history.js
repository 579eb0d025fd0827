// The runs of this tab, newest first and pinned ones before the others: words and settings, no media. They lie in
// sessionStorage, which a browser clears with the tab. By hand, since Gradio's BrowserState writes to localStorage,
// which stays. Each change of the value brings the newest run.
const KEY = 'mars-lens-runs';
const MOST = 30;
const list = () => element.querySelector('ol');
const isSame = (one, other) => ['text', 'medium', 'system', 'query'].every((part) => one[part] === other[part]);
let runs = [];
let compared = []; // two at most
try { runs = JSON.parse(sessionStorage.getItem(KEY)) ?? []; } catch { /* storage is off: they last until a reload */ }

function told({ medium, system, query }) {
  const said = new URLSearchParams(query);
  const what = said.get('example') ?? (medium && `${medium} of yours, not kept`);
  return `${what ? `${what}: ` : ''}layer ${said.get('layer')}, gain ${said.get('gain')}, ${said.get('length')} tokens${system ? ', a system message' : ''}`;
}

function row(run) {
  const line = element.querySelector('template').content.firstElementChild.cloneNode(true);
  const [again, pin, compare] = line.querySelectorAll('button');
  again.firstElementChild.textContent = run.name || run.text || 'no words';
  again.lastElementChild.textContent = told(run);
  again.title = run.text;
  pin.setAttribute('aria-pressed', String(!!run.isPinned));
  compare.setAttribute('aria-pressed', String(compared.some((one) => isSame(one, run))));
  return line;
}

function draw() {
  element.querySelector('.history').hidden = !runs.length;
  element.querySelector('summary').textContent = `History: ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`;
  list().replaceChildren(...runs.map(row));
}

function keep(changed) {
  const pinned = changed.filter((run) => run.isPinned);
  runs = [...pinned, ...changed.filter((run) => !run.isPinned).slice(0, MOST)];
  try { sessionStorage.setItem(KEY, JSON.stringify(runs)); } catch { /* as above, or full */ }
  draw();
}

function rename(run, again) {
  const field = document.createElement('input');
  field.value = run.name || run.text;
  field.setAttribute('aria-label', 'Name of this run');
  field.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape') field.value = run.name ?? '';
    if (key === 'Enter' || key === 'Escape') field.blur();
  });
  field.addEventListener('blur', () => { run.name = field.value.trim(); keep(runs); });
  again.replaceWith(field);
  field.select();
}

function choose(chosen) {
  compared = chosen;
  draw();
  trigger('beside', { runs: compared });
}

element.addEventListener('click', ({ target }) => {
  const act = target.closest('[data-act]')?.dataset.act;
  const line = target.closest('li');
  const run = runs[[...list().children].indexOf(line)];
  if (act === 'again') trigger(run.medium ? 'restore' : 'again', { run });
  if (act === 'pin') keep(runs.map((one) => (one === run ? { ...one, isPinned: !one.isPinned } : one)));
  if (act === 'rename') rename(run, line.firstElementChild);
  if (act === 'clear') {
    choose([]);
    keep([]);
  }
  if (act === 'compare') {
    const others = compared.filter((one) => !isSame(one, run));
    choose(others.length < compared.length ? others : [...others, run].slice(-2));
  }
});
watch('value', () => {
  const run = JSON.parse(props.value || 'null');
  if (!run) return draw();
  const known = runs.find((one) => isSame(one, run));
  keep([{ ...known, ...run }, ...runs.filter((one) => one !== known)]);
});
draw();
