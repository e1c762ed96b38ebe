"use strict";
(() => {
  // Colours: as the system has them, light, dark; kept for the next visit where the browser allows it.
  const themes = ["auto", "light", "dark"];
  const button = document.getElementById("theme");
  const show = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = "Colours: " + theme;
  };
  let theme = "auto";
  try { theme = localStorage.getItem("mnist-bench-theme") || "auto"; } catch (error) { /* a file may keep nothing */ }
  if (!themes.includes(theme)) theme = "auto";
  show(theme);
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    show(theme);
    try { localStorage.setItem("mnist-bench-theme", theme); } catch (error) { /* as above */ }
  });

  // Sorting: numbers by the first number of a cell, words by the alphabet, what is neither last.
  const number = (text) => {
    const found = text.replace(/,/g, "").match(/^[<>]?\s*(-?\d+(?:\.\d+)?(?:e-?\d+)?)/i);
    return found ? Number(found[1]) : null;
  };
  const sort = (table, column, direction) => {
    const body = table.tBodies[0];
    const numeric = table.tHead.rows[0].cells[column].classList.contains("number");
    const keyed = Array.from(body.rows, (row) => {
      const text = row.cells[column].textContent.trim();
      return { row, key: numeric ? number(text) : text || null };
    });
    const compare = numeric ? (a, b) => a - b : (a, b) => a.localeCompare(b, "en", { numeric: true });
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
      return direction * compare(a.key, b.key);
    });
    body.append(...keyed.map((each) => each.row));
  };
  for (const table of document.querySelectorAll(".table table")) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const first = head.classList.contains("number") ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const order = head.getAttribute("aria-sort") === first ? other : first;
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", order);
        sort(table, column, order === "ascending" ? 1 : -1);
      });
    });
  }

  // On a small screen the contents would fill the first page.
  if (matchMedia("(max-width: 67.99rem)").matches) document.querySelector("nav details").open = false;
})();
