"use strict";
// Layers on and off.
for (const box of document.querySelectorAll("input[data-layer]")) {
  const map = box.closest(".mapbox").querySelector(".map");
  box.addEventListener("change", () => map.classList.toggle("hide-" + box.dataset.layer, !box.checked));
}
// A line of the timeline and its spot on the map point at each other.
for (const event of document.querySelectorAll(".event[data-m]")) {
  const spot = document.getElementById(event.dataset.m);
  if (!spot) continue;
  const show = (on) => () => { spot.classList.toggle("on", on); event.classList.toggle("on", on); };
  for (const part of [event, spot]) {
    part.addEventListener("pointerenter", show(true));
    part.addEventListener("pointerleave", show(false));
  }
  event.addEventListener("focusin", show(true));
  event.addEventListener("focusout", show(false));
  spot.addEventListener("click", () => event.scrollIntoView({ block: "nearest" }));
}
// Zoom and drag.
for (const box of document.querySelectorAll(".mapbox")) {
  const map = box.querySelector(".map"), full = { w: +map.dataset.w, h: +map.dataset.h };
  let view = { x: 0, y: 0, z: 1 }, drag = null;
  const set = () => {
    const w = full.w / view.z, h = full.h / view.z;
    view.x = Math.min(Math.max(view.x, 0), full.w - w);
    view.y = Math.min(Math.max(view.y, 0), full.h - h);
    map.setAttribute("viewBox", [view.x, view.y, w, h].map((n) => n.toFixed(2)).join(" "));
    map.style.setProperty("--z", 1 / view.z);
    map.classList.toggle("zoomed", view.z > 1);
  };
  const zoom = (by, x, y) => {
    const z = by ? Math.min(Math.max(view.z * by, 1), 40) : 1;
    view = { x: x - (x - view.x) * view.z / z, y: y - (y - view.y) * view.z / z, z };
    set();
  };
  box.querySelector(".zoom").hidden = false;
  for (const button of box.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () =>
      zoom(+button.dataset.zoom, view.x + full.w / view.z / 2, view.y + full.h / view.z / 2));
  }
  map.addEventListener("dblclick", (e) => {
    const at = map.getBoundingClientRect(), unit = full.w / view.z / at.width;
    zoom(2, view.x + (e.clientX - at.left) * unit, view.y + (e.clientY - at.top) * unit);
  });
  map.addEventListener("pointerdown", (e) => { if (view.z > 1) { drag = [e.clientX, e.clientY]; map.setPointerCapture(e.pointerId); } });
  map.addEventListener("pointerup", () => { drag = null; });
  map.addEventListener("pointermove", (e) => {
    if (!drag) return;
    const unit = full.w / view.z / map.getBoundingClientRect().width;
    view.x -= (e.clientX - drag[0]) * unit;
    view.y -= (e.clientY - drag[1]) * unit;
    drag = [e.clientX, e.clientY];
    set();
  });
}
