// Rankings, and a view of each unit and field; all texts are set as text, never as markup.
(function () {
  const source = document.getElementById("figures");
  const dialog = document.getElementById("detail");
  const body = document.getElementById("detail-body");
  if (!source || !dialog.showModal) return;
  const data = JSON.parse(source.textContent);
  const t = data.t;
  const units = new Map(data.units.map((unit) => [unit.code, unit]));
  const fields = new Map(data.fields.map((field, place) => [field[0], place]));
  const COUNTS = ["received", "resolved", "early", "on_time", "late", "in_progress", "open_overdue"];
  const SHOWN = [0, 4, 5, 6, 7, 8, 10]; // their places among form II.06a's columns 3 to 13

  const integer = (n) => n === null ? data.left_out : String(n).replace(/\B(?=(\d{3})+$)/g, data.dot);
  const make = (tag, text, attributes) => {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    Object.entries(attributes || {}).forEach(([key, value]) => element.setAttribute(key, value));
    return element;
  };
  const table = (title, heads, rows) => {
    const made = make("table", null, { class: "other" });
    made.append(make("caption", title, { class: "hidden" }));
    const head = made.createTHead().insertRow();
    heads.forEach((text) => head.append(make("th", text, { scope: "col" })));
    const inner = made.createTBody();
    rows.forEach((cells) => {
      const row = inner.insertRow();
      cells.forEach((cell, place) => {
        const one = place ? row.insertCell() : row.appendChild(make("th", null, { scope: "row" }));
        one.append(cell instanceof Node ? cell : document.createTextNode(cell));
      });
    });
    return made;
  };
  const framed = (inner, title) => {
    const frame = make("div", null, { class: "scroll", tabindex: "0", role: "group", "aria-label": title });
    frame.append(inner);
    return frame;
  };
  const light = (key) => (key ? make("span", t["light_" + key], { class: "light " + key }) : "");
  const opener = (text, address) => make("a", text, { href: "#" + encodeURIComponent(address) });
  const doubted = (text, said) => {
    if (!said) return text;
    const value = make("span", text);
    value.append(make("abbr", "\u00b1", { class: "doubt", title: said }));
    return value;
  };
  // A field's row ends with what could move its numbers, by place.
  const counts = (numbers) => SHOWN.map((place) => doubted(integer(numbers[place]), (numbers[11] || {})[place]));
  const fraction = (m) => (m[3] ? m[2] + " / " + m[3] + (m[7] ? " · " + t.small : "") : "");
  const valued = (m) => doubted(m[1], m[9]);
  const heading = (text) => make("h3", text);

  const ofUnit = (unit) => {
    const title = unit.parent ? unit.name + ", " + unit.parent : unit.name;
    const list = table(
      t.fields_heading,
      [t.field_short, ...COUNTS.map((key) => t[key])],
      [
        ...unit.fields.map(([place, ...numbers]) => [
          opener(data.fields[place][1], "field/" + data.fields[place][0]),
          ...counts(numbers),
        ]),
        [t.total, ...counts(unit.counts)],
      ],
    );
    const metrics = table(
      t.metrics_heading,
      [t.metric, t.value, t.of_which_counted, t.before, t.target, t.verdict, t.rank],
      unit.metrics.map((m) => [
        data.metrics[m[0]][1], valued(m), fraction(m), m[4], m[5], light(m[6]), m[8],
      ]),
    );
    const hint = make("p", t.explain_hint + " ", { class: "intro" });
    hint.append(make("code", "onestop explain METRIC " + data.explain + " --agency " + unit.code));
    return [title, heading(t.fields_heading), framed(list, t.fields_heading), heading(t.metrics_heading),
      framed(metrics, t.metrics_heading), hint];
  };

  const ofField = (place) => {
    const rows = [];
    data.units.slice(1).forEach((unit) => {
      const found = unit.fields.find((field) => field[0] === place);
      if (found) rows.push([opener(unit.name, "unit/" + unit.code), ...counts(found.slice(1))]);
    });
    const title = data.fields[place][1];
    return [title, heading(t.units_of_field),
      framed(table(title, [t.unit, ...COUNTS.map((key) => t[key])], rows), t.units_of_field)];
  };

  const show = () => {
    const [kind, ...rest] = decodeURIComponent(location.hash.slice(1)).split("/");
    const code = rest.join("/");
    let parts = null;
    if (kind === "unit" && units.has(code)) parts = ofUnit(units.get(code));
    if (kind === "field" && fields.has(code)) parts = ofField(fields.get(code));
    if (!parts) {
      if (dialog.open) dialog.close();
      return;
    }
    body.replaceChildren(make("h2", parts[0], { id: "detail-title" }), ...parts.slice(1));
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  };
  dialog.addEventListener("close", () => {
    if (location.hash) history.pushState(null, "", location.pathname + location.search);
  });
  window.addEventListener("hashchange", show);

  // Names in the page's own tables become links to the view.
  const link = (row, address) => {
    const cell = row.querySelector("th");
    const text = cell.firstChild;
    cell.replaceChild(opener(text.textContent.trim(), address), text);
    if (cell.children.length > 1) cell.children[0].after(" ");
  };
  document.querySelectorAll("tr[data-unit]").forEach((row) => link(row, "unit/" + row.dataset.unit));
  document.querySelectorAll("tr[data-field]").forEach((row) => link(row, "field/" + row.dataset.field));

  const metricChoice = document.getElementById("ranked-metric");
  if (metricChoice) {
    const levelChoice = document.getElementById("ranked-level");
    const ranked = new Set();
    data.units.slice(1).forEach((unit) => unit.metrics.forEach((m) => { if (m[8]) ranked.add(m[0]); }));
    data.metrics.forEach(([code, name], place) => {
      if (ranked.has(place)) metricChoice.append(make("option", name, { value: place }));
    });
    const first = data.metrics.findIndex(([code]) => code === "on_time_rate");
    if (ranked.has(first)) metricChoice.value = first;
    const present = new Set(data.units.slice(1).map((unit) => unit.kind));
    Object.entries(data.kinds).forEach(([level, name]) => {
      if (present.has(level)) levelChoice.append(make("option", name, { value: level }));
    });
    const rank = () => {
      const place = Number(metricChoice.value);
      const rows = [];
      data.units.slice(1).forEach((unit) => {
        if (unit.kind !== levelChoice.value) return;
        const m = unit.metrics.find((one) => one[0] === place);
        if (m) rows.push([parseInt(m[8], 10) || Infinity, unit, m]);
      });
      rows.sort((a, b) => a[0] - b[0]);
      document.getElementById("ranking").replaceChildren(table(
        metricChoice.selectedOptions[0] ? metricChoice.selectedOptions[0].textContent : "",
        [t.unit, t.rank, t.value, t.of_which_counted, t.before, t.target, t.verdict],
        rows.map(([, unit, m]) => [
          opener(unit.name, "unit/" + unit.code), m[8] || t.unranked, valued(m), fraction(m), m[4], m[5], light(m[6]),
        ]),
      ));
    };
    metricChoice.addEventListener("change", rank);
    levelChoice.addEventListener("change", rank);
    rank();
  }
  show();
})();
