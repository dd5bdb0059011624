(() => {
  const { states, rows } = JSON.parse(document.getElementById("numbers").textContent);
  const tip = document.getElementById("tip");
  const add = (parent, kind, text, style) => {
    const node = parent.appendChild(document.createElement(kind));
    if (text !== undefined) node.textContent = text;
    if (style) node.className = style;
    return node;
  };
  const line = (style, name, number) => {
    const row = add(tip, "div");
    add(row, "i", "", `swatch ${style}`);
    add(row, "span", name);
    add(row, "b", number);
  };
  const show = (kind, [, when, gpus, mean, peak]) => {
    tip.replaceChildren();
    add(tip, "strong", when);
    if (kind === "power") {
      line("mean", "mean", mean);
      line("peak", "peak", peak);
      return;
    }
    for (let i = gpus.length - 1; i >= 0; i--) {
      if (gpus[i]) line(states[i][0], states[i][1], gpus[i].toLocaleString("en-US"));
    }
  };
  for (const field of document.querySelectorAll("[data-chart]")) {
    const pointer = field.querySelector(".pointer");
    const leave = () => { tip.hidden = true; pointer.style.opacity = 0; };
    field.addEventListener("pointermove", (event) => {
      const box = field.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      const row = rows.find(([end]) => share * 1000 < end);
      if (share < 0 || !row) return leave();
      show(field.dataset.chart, row);
      tip.hidden = false;
      const wide = tip.offsetWidth, tall = tip.offsetHeight;
      const left = event.clientX + 16 + wide > innerWidth ? event.clientX - wide - 12 : event.clientX + 16;
      tip.style.left = `${Math.max(4, left)}px`;
      tip.style.top = `${Math.max(4, Math.min(event.clientY + 12, innerHeight - tall - 8))}px`;
      pointer.style.left = `${share * 100}%`;
      pointer.style.opacity = 0.6;
    });
    field.addEventListener("pointerleave", leave);
  }
  const invoices = [...document.querySelectorAll("details")];
  let open = [];
  addEventListener("beforeprint", () => {
    open = invoices.map((one) => one.open);
    for (const one of invoices) one.open = true;
  });
  addEventListener("afterprint", () => invoices.forEach((one, i) => { one.open = open[i]; }));
})();
