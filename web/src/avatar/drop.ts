// Files that are dropped anywhere on the page.

/** Calls back with the first dropped file. While a file is dragged, the page says what it takes. */
export function onDrop(dropped: (file: File) => void): void {
  const highlight = (on: boolean): void => {
    document.body.toggleAttribute("data-drop", on);
  };
  window.addEventListener("dragover", (event) => {
    event.preventDefault();
    highlight(true);
  });
  window.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) highlight(false);
  });
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    highlight(false);
    const [file] = event.dataTransfer?.files ?? [];
    if (file) dropped(file);
  });
}
