// Sorting and a filter for the table of units; the page is complete without them.
(function () {
  const table = document.getElementById("units");
  if (!table) return;
  document.querySelectorAll(".js-only").forEach((part) => { part.hidden = false; });
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => Number(row.cells[column].dataset.v);
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      // Names and levels start in the tree's order, numbers with the largest.
      const before = head.getAttribute("aria-sort");
      const ascending = before ? before === "descending" : column < 2;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const sign = ascending ? 1 : -1;
      const rows = [...body.rows].sort((a, b) => sign * (value(a, column) - value(b, column)) || value(a, 0) - value(b, 0));
      body.append(...rows);
    });
  });
  const plain = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replace(/đ/g, "d");
  document.getElementById("filter").addEventListener("input", (event) => {
    const wanted = plain(event.target.value.trim());
    for (const row of body.rows) row.hidden = !plain(row.cells[0].textContent).includes(wanted);
  });
})();
