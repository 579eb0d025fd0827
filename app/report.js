'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

function recoloured(value) {
  if (typeof value === 'string') return data.darkForLight[value] ?? value;
  if (Array.isArray(value)) return value.map(recoloured);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, recoloured(inner)]));
  }
  return value;
}

function draw() {
  document.querySelectorAll('.chart').forEach((chart, index) => {
    const { data: traces, layout } = prefersDark.matches ? recoloured(data.figures[index]) : data.figures[index];
    chart.setAttribute('role', 'img');
    chart.setAttribute('aria-label', layout.meta.description);
    Plotly.react(chart, structuredClone(traces), structuredClone(layout), { displayModeBar: false, responsive: true });
  });
}
draw();
prefersDark.addEventListener('change', draw);

const filters = document.querySelector('.filters');
if (filters) {
  const cases = [...document.querySelectorAll('.cases > details')];
  const count = filters.querySelector('output');
  const chosen = (name) => filters.querySelector(`[data-filter="${name}"]`);
  const show = () => {
    const words = chosen('words').value.trim().toLowerCase();
    let shown = 0;
    for (const item of cases) {
      const isHidden = ['modality', 'label'].some((kind) => {
        const value = chosen(kind)?.value;
        return value && item.dataset[kind] !== value;
      }) || (chosen('differs').checked && !('differs' in item.dataset))
        || (words && !item.textContent.toLowerCase().includes(words));
      item.hidden = isHidden;
      shown += isHidden ? 0 : 1;
    }
    count.textContent = shown === cases.length ? `${shown} cases` : `${shown} of ${cases.length} cases`;
  };
  filters.hidden = false;
  filters.addEventListener('input', show);
  filters.addEventListener('submit', (event) => event.preventDefault());
}
