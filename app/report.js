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
  filterCases(document);
  filters.addEventListener('input', () => filterCases(document));
  filters.addEventListener('submit', (event) => event.preventDefault());
}
