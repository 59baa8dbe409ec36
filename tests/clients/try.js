// Opens operations of the reference, presses Execute once in each, and tells what the reader sees.
(async () => {
  const seen = (look, block) =>
    new Promise((done, fail) => {
      const end = performance.now() + 60000;
      const again = () => {
        const it = look();
        if (it) done(it);
        else if (performance.now() > end) fail(new Error(`${block.id}: never ${look}`));
        else setTimeout(again, 20);
      };
      again();
    });
  const blocks = OPERATIONS.map((name) => document.querySelector(`.opblock[id$="-${name}"]`));
  const turn = () => blocks.forEach((block) => block.querySelector(".opblock-summary-control").click());
  turn();
  const buttons = await Promise.all(blocks.map(async (block) => {
    const button = await seen(() => block.querySelector(".execute"), block);
    const path = block.querySelector("[data-path]").dataset.path;
    const method = block.querySelector(".opblock-summary-method").textContent.toLowerCase();
    await seen(() => ui.specSelectors.specResolvedSubtree(["paths", path, method]), block);
    await seen(() => [...block.querySelectorAll("input[type=file]")].every((it) => it.files.length), block);
    return button;
  }));
  buttons.forEach((button) => button.click());
  const told = await Promise.all(blocks.map(async (block) => {
    const answer = await seen(() => block.querySelector(".live-responses-table .response .response-col_status"), block);
    const said = block.querySelector(".live-responses-table .highlight-code")?.textContent;
    return [parseInt(answer.textContent, 10), said?.slice(0, 500), block.querySelector(".curl-command")?.textContent.slice(0, 500)];
  }));
  turn();
  return told;
})();
