// Takes a folder that is dropped on the slot of a set of one's own, with all folders in it, by the button that adds
// files, since Gradio's slot takes none. It runs in the summary of the set.
const promised = (read) => new Promise((resolve, reject) => read(resolve, reject));

async function filesOf(entry) {
  if (entry.isFile) return [await promised((resolve, reject) => entry.file(resolve, reject))];
  const [reader, found] = [entry.createReader(), []];
  for (;;) { // a reader gives some hundred entries at a time
    const some = await promised((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const one of some) found.push(...await filesOf(one));
  }
}

document.addEventListener('drop', async (event) => {
  if (!event.target.closest?.('#own-set')) return;
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return;
  event.preventDefault();
  event.stopPropagation();
  const transfer = new DataTransfer();
  for (const entry of entries) {
    for (const file of await filesOf(entry)) transfer.items.add(file);
  }
  const input = document.querySelector('#own input[data-testid="Add files-upload-button"]');
  input.files = transfer.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
}, true);
