// What report.html does beyond being read: a colour scheme by hand, and the list of mistakes searched and sorted.

const theme = document.getElementById("theme");
const THEMES = ["system", "light", "dark"];
let chosen = 0;
theme.hidden = false;
theme.addEventListener("click", () => {
  chosen = (chosen + 1) % THEMES.length;
  if (chosen === 0) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = THEMES[chosen];
  theme.textContent = `Colours: ${THEMES[chosen]}`;
});

const table = document.getElementById("mistakes");
if (table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const found = document.getElementById("found");
  const search = document.getElementById("search");
  const texts = rows.map((row) => row.textContent.toLowerCase());

  document.getElementById("find").hidden = false;
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      if (!row.hidden) shown++;
    });
    found.textContent = words.length === 0 ? "" : `${shown} of ${rows.length}`;
  };
  search.addEventListener("input", show);
  show();

  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    button.addEventListener("click", () => {
      const isRising = head.getAttribute("aria-sort") === "descending";
      const isNumber = head.classList.contains("number");
      const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();
      const compare = (a, b) =>
        isNumber ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b));
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", isRising ? "ascending" : "descending");
      body.append(...[...rows].sort((a, b) => (isRising ? compare(a, b) : compare(b, a))));
    });
  });
}
