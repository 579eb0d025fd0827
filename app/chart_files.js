// A chart as a file: the picture as it is drawn, or the numbers behind it. Made here, in the browser.
function chartRows(chart) {
  const rows = [['series', 'x', 'y', 'value', 'label']];
  const list = (values) => (values ? Array.from(values) : []);
  const plain = (words) => words.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
  const label = (value) => plain(String((Array.isArray(value) ? value.join(' ') : value) ?? ''));
  for (const trace of chart._fullData) {
    if (trace.type === 'heatmap') {
      const [xs, ys] = [list(trace.x), list(trace.y)];
      list(trace.z).forEach((line, row) => list(line).forEach((value, column) => {
        if (value !== null) rows.push([trace.name, xs[column] ?? column, ys[row] ?? row, value, label(trace.customdata?.[row]?.[column])]);
      }));
    } else {
      const ys = list(trace.y);
      list(trace.x).forEach((x, point) => rows.push([trace.name, x, ys[point], '', label(trace.customdata?.[point])]));
    }
  }
  return rows;
}

function asCsv(rows) {
  const cell = (value) => {
    if (typeof value === 'number') return String(value);
    const text = String(value ?? '');
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // a spreadsheet must not take words for a formula
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => row.map(cell).join(',')).join('\n') + '\n';
}

async function saveChart(chart, kind, name) {
  let address;
  if (kind === 'csv') {
    address = URL.createObjectURL(new Blob([asCsv(chartRows(chart))], { type: 'text/csv' }));
  } else {
    const surface = getComputedStyle(document.body).getPropertyValue('--surface').trim() || '#ffffff';
    const { width, height } = chart._fullLayout;
    const layout = { ...chart.layout, width, height, paper_bgcolor: surface, plot_bgcolor: surface };
    address = await window.Plotly.toImage({ data: chart.data, layout }, { format: kind, scale: 2, width, height });
  }
  const link = document.createElement('a');
  link.href = address;
  link.download = `${name}.${kind}`;
  link.click();
  if (kind === 'csv') setTimeout(() => URL.revokeObjectURL(address), 10000);
}

