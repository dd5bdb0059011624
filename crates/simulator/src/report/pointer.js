(() => {
  const { names, rows } = JSON.parse(document.getElementById("numbers").textContent);
  const tip = document.getElementById("tip");
  const left = 64, width = 1000, right = 14;
  for (const chart of document.querySelectorAll("svg[data-chart]")) {
    const pointer = chart.querySelector(".pointer");
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * width;
      const share = (x - left) / (width - left - right);
      if (share < 0 || share >= 1) return leave();
      const [when, gpus, mean, peak] = rows[Math.min(rows.length - 1, Math.floor(share * rows.length))];
      const lines = chart.dataset.chart === "power"
        ? [`mean ${mean} MW`, `peak ${peak} MW`]
        : names.map((name, i) => gpus[i] ? `${name}: ${gpus[i].toLocaleString("en")} GPUs` : "").filter(Boolean).reverse();
      tip.textContent = [when, ...lines].join("\n");
      tip.hidden = false;
      const wide = tip.offsetWidth + 18;
      tip.style.left = `${event.clientX + wide > innerWidth ? event.clientX - wide : event.clientX + 14}px`;
      tip.style.top = `${event.clientY + 14}px`;
      pointer.setAttribute("x", x);
      pointer.style.opacity = 0.5;
    });
    const leave = () => { tip.hidden = true; pointer.style.opacity = 0; };
    chart.addEventListener("pointerleave", leave);
  }
})();
