// Takes a file that is pasted or dropped anywhere on Compare into the prompt's slot, in place of what is there. It runs
// in the preview under the slot. By hand, since Gradio's file slot knows no paste and, while it is filled, no drop, and
// a drop beside it makes the browser leave the page. `props.kinds`: endings of the files that are taken.
const slot = () => document.querySelector('#media');
const isShown = () => slot()?.offsetParent != null;
const isField = (target) => target.closest?.('input, textarea, [contenteditable="true"]') != null;
const mark = (isOver) => slot()?.classList.toggle('dropping', isOver);

async function bring(files) {
  const isTaken = ({ name }) => props.kinds.some((kind) => name.toLowerCase().endsWith(kind));
  if (files.length !== 1 || !isTaken(files[0])) {
    trigger('refused', { names: files.map((file) => file.name) });
    return;
  }
  slot().querySelector('.icon-button-wrapper > button:last-of-type')?.click();
  while (slot().querySelector('.file-preview')) await new Promise(requestAnimationFrame);
  const input = slot().querySelector('input[type=file]');
  const transfer = new DataTransfer();
  transfer.items.add(files[0]);
  input.files = transfer.files;
  input.dispatchEvent(new Event('change'));
}

document.addEventListener('paste', (event) => {
  const { files, types } = event.clipboardData;
  // A spreadsheet copies its cells as words and as an image: in a field the words are meant.
  if (!files.length || !isShown() || (isField(event.target) && types.includes('text/plain'))) return;
  event.preventDefault();
  bring([...files]);
});

let isOwn = false; // a drag that began on this page, such as that of a preview
document.addEventListener('dragstart', () => { isOwn = true; }, true);
document.addEventListener('dragend', () => { isOwn = false; }, true);
document.addEventListener('dragleave', (event) => { if (!event.relatedTarget) mark(false); });
for (const kind of ['dragover', 'drop']) {
  document.addEventListener(kind, (event) => {
    const { types, files } = event.dataTransfer;
    const elsewhere = event.target.closest?.('.upload-container, .file-preview-holder');
    if (isOwn || (elsewhere && !slot()?.contains(elsewhere))) return;
    if (!types.includes('Files') && (isField(event.target) || !types.includes('text/uri-list'))) return;
    event.preventDefault();
    event.stopPropagation();
    if (!isShown()) event.dataTransfer.dropEffect = 'none';
    else mark(kind === 'dragover');
    if (isShown() && kind === 'drop') bring([...files]);
  }, true);
}

element.addEventListener('click', (event) => { event.target.closest('.preview button')?.querySelector('img').togglePopover(); });
