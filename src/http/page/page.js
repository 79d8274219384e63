"use strict";
(() => {
  const KIND = {
    receiving: "busy", waiting: "wait", planned: "busy", done: "ok", refused: "bad", failed: "bad", "disk full": "bad", "disk low": "bad",
    queued: "wait", running: "busy", dead: "bad", cancelled: "off",
    sending: "busy", sent: "ok", committed: "ok", restarting: "bad", stopped: "off"
  };
  const SHOWN = 40;
  const byId = (id) => document.getElementById(id);
  const state = { status: null, series: [], jobs: new Map(), deliveries: new Map(), commitments: [], open: new Set(), details: new Map() };

  /* Everything is made of text nodes: nothing that came from a peer is ever read as HTML. */
  function el(name, properties, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties || {})) {
      if (key === "class") made.className = value;
      else if (key === "on") made.addEventListener("click", value);
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  }
  const pill = (text, kind) => el("span", { class: "pill", "data-kind": kind || KIND[text] || "off" }, text);
  const sub = (...children) => el("span", { class: "sub" }, ...children);
  const count = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
  const short = (uid) => uid.length > 24 ? `${uid.slice(0, 10)}…${uid.slice(-8)}` : uid;

  function bytes(n) {
    const units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let k = 0;
    while (n >= 1000 && k < units.length - 1) { n /= 1000; k++; }
    return `${n >= 100 || k === 0 ? n.toFixed(0) : n.toFixed(1)} ${units[k]}`;
  }
  function span(seconds) {
    if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
    if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86400)} days`;
  }
  function sayTime(node) {
    const away = (Date.now() - Date.parse(node.dateTime)) / 1000;
    node.textContent = away < 0 ? `in ${span(-away)}` : node.dataset.due ? "now" : `${span(away)} ago`;
  }
  /* due: of something that is still to come; what should have begun is about to. */
  function time(iso, due) {
    const node = el("time", { datetime: iso, title: `${iso.slice(0, 19).replace("T", " ")} UTC`, "data-due": due });
    sayTime(node);
    return node;
  }
  const nextTry = (each) => each.waits_for_destination
    ? [`waits for ${each.destination} to answer, asked again `, time(each.next_at, "due")]
    : ["next try ", time(each.next_at, "due")];
  setInterval(() => document.querySelectorAll("time").forEach(sayTime), 1000);

  /* Children with a key and a signature: what has not changed is left alone, with its focus. */
  function reconcile(parent, items, keyOf, make, skip) {
    const old = new Map();
    for (const child of [...parent.children].slice(skip || 0)) old.set(child.dataset.key, child);
    let previous = skip ? parent.children[skip - 1] : null;
    for (const item of items) {
      const key = String(keyOf(item));
      const signature = JSON.stringify(item);
      let node = old.get(key);
      old.delete(key);
      if (!node || node.signature !== signature) {
        const fresh = make(item);
        fresh.dataset.key = key;
        fresh.signature = signature;
        const focused = node && node.contains(document.activeElement) && document.activeElement.dataset.focus;
        if (node) node.replaceWith(fresh);
        node = fresh;
        if (focused) { const again = node.querySelector(`[data-focus="${focused}"]`); if (again) again.focus(); }
      }
      const next = previous ? previous.nextSibling : parent.firstChild;
      if (node !== next) parent.insertBefore(node, next);
      previous = node;
    }
    for (const gone of old.values()) gone.remove();
  }

  /* ---- talking to the daemon ---- */

  async function ask(path) {
    const answer = await fetch(path, { cache: "no-store" });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }
  async function tell(button, path) {
    button.disabled = true;
    try {
      const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: "" });
      if (!answer.ok) {
        const problem = await answer.json().catch(() => ({ detail: answer.statusText }));
        button.after(sub(problem.detail));
      }
    } catch (error) {
      button.after(sub("the daemon does not answer"));
    }
    button.disabled = false;
    refresh();
  }
  const action = (text, path, first) =>
    el("button", { type: "button", class: first ? "first" : null, "data-focus": path, on: (event) => tell(event.currentTarget, path) }, text);

  function live(kind, text) {
    const node = byId("live");
    if (node.dataset.kind === kind && byId("live-text").textContent === text) return;
    node.dataset.kind = kind;
    byId("live-text").textContent = text;
  }

  /* ---- the way: receive, plan, convert, deliver ---- */

  function step(name, big, unit, pills, roles) {
    return { name, big, unit, pills: pills.filter((each) => each[1] > 0), roles };
  }
  function showWay(status) {
    const roleState = (name) => {
      const all = status.roles.filter((role) => role.name.replace(/[.]\d+$/, "") === name);
      if (all.length === 0) return null;
      return all.every((role) => role.state === "running") ? "running" : all.some((role) => role.state === "running") ? "degraded" : "down";
    };
    const s = status.series, j = status.jobs, d = status.deliveries;
    const steps = [
      step("Receive", status.totals.instances, "instances", [["receiving", s.receiving, "busy"], ["set aside", status.totals.aside + status.totals.conflicts, "bad"], ["cannot be read now", status.totals.unread, "bad"], ["repeated", status.totals.duplicates, "off"], ["reports not heard", status.commitments.dead, "bad"]], roleState("receive")),
      step("Plan", Object.values(s).reduce((a, b) => a + b, 0), "series", [["waiting", s.waiting, "wait"], ["planned", s.planned, "busy"], ["done", s.done, "ok"], ["refused", s.refused, "bad"], ["failed", s.failed, "bad"]], roleState("plan")),
      step("Convert", status.totals.derived_instances, "slices made", [["running", j.running, "busy"], ["queued", j.queued, "wait"], ["will retry", j.failed, "bad"], ["dead", j.dead, "bad"], ["done", j.done, "ok"]], roleState("convert")),
      step("Deliver", d.sent + d.committed, "deliveries done", [["sending", d.sending, "busy"], ["queued", d.queued, "wait"], ["will retry", d.failed, "bad"], ["dead", d.dead, "bad"]], roleState("deliver"))
    ];
    reconcile(byId("way"), steps, (each) => each.name, (each) => el("li", {},
      el("p", { class: "name" }, each.name, each.roles === "running" || each.roles === null ? "" : pill(each.roles, "bad")),
      el("p", { class: "big" }, each.big.toLocaleString("en"), el("small", {}, each.unit)),
      el("ul", {}, ...each.pills.map(([text, n, kind]) => el("li", { class: "pill", "data-kind": kind }, `${n.toLocaleString("en")} ${text}`)))));
  }

  /* ---- what needs somebody ---- */

  function trouble() {
    const found = [], disk = state.status.disk;
    if (disk && disk.level !== "ok")
      found.push({ key: "disk", pill: disk.level === "full" ? "disk full" : "disk low", what: `${disk.text}.`, at: disk.since });
    for (const role of state.status.roles)
      if (role.state === "restarting") found.push({ key: `role-${role.name}`, pill: "restarting", what: `${role.name}: ${role.note}`, at: role.since });
    for (const delivery of state.deliveries.values())
      if (delivery.state === "failed" || delivery.state === "dead")
        found.push({ key: `d${delivery.id}`, pill: delivery.state, at: delivery.next_at, next: delivery, path: `/api/v1/deliveries/${delivery.id}/retry`,
          what: `Delivery d${delivery.id} to ${delivery.destination}: ${delivery.last_status ? `DIMSE status ${delivery.last_status}, ` : ""}${delivery.last_comment || "no answer"} (${delivery.accepted} of ${delivery.instances} accepted, ${count(delivery.attempts, "attempt", "attempts")})` });
    for (const each of state.commitments)
      if (each.state === "dead" || (each.state === "judged" && each.text))
        found.push({ key: `c${each.id}`, pill: each.state === "dead" ? "dead" : "failed", at: each.next_at, next: each, path: `/api/v1/commitments/${each.id}/retry`,
          what: `Report c${each.id} on storage commitment to ${each.calling_ae}, which waits for it before it may delete ${count(each.instances, "instance", "instances")}: ${each.text} (${count(each.attempts, "attempt", "attempts")})` });
    for (const job of state.jobs.values())
      if (job.state === "failed" || job.state === "dead")
        found.push({ key: `j${job.id}`, pill: job.state, at: job.next_at, next: job, path: `/api/v1/jobs/${job.id}/retry`,
          what: `Job j${job.id}, ${job.recipe}, of series s${job.series_id}: ${job.code} ${job.text} (${count(job.attempts, "attempt", "attempts")})` });
    return found;
  }
  function showTrouble() {
    const found = trouble();
    byId("trouble").hidden = found.length === 0;
    byId("trouble-title").textContent = found.length === 0 ? "" : `Needs attention (${found.length})`;
    reconcile(byId("trouble-list"), found.slice(0, 12), (each) => each.key, (each) => el("li", {},
      pill(each.pill), el("span", { class: "what" }, each.what),
      each.at ? el("span", { class: "quiet" }, ...(each.next ? nextTry(each.next) : [time(each.at)])) : null,
      each.path ? action("Retry now", each.path) : null));
  }

  /* ---- series ---- */

  const jobsOf = (id) => [...state.jobs.values()].filter((job) => job.series_id === id).sort((a, b) => a.id - b.id);
  const deliveriesOf = (jobs) => [...state.deliveries.values()].filter((delivery) => jobs.some((job) => job.id === delivery.job_id)).sort((a, b) => a.id - b.id);

  function completeCell(series) {
    const reason = [series.code, series.text].filter(Boolean).join(": ");
    const again = series.revises ? ` · revision ${series.revises + 1}: instances came after the decision` : "";
    if (series.state === "receiving") return [pill("receiving"), sub(`${series.waiting_for || "waiting for the last instance"}${again}`)];
    if (series.state === "waiting") return [pill("waiting"), sub(`${series.waiting_for ? [series.code, series.waiting_for].filter(Boolean).join(": ") : reason || "incomplete"}${again}`)];
    if (series.state === "refused") return [pill("refused"), sub(reason)];
    return [pill("complete", "ok"), sub(series.decided_at ? time(series.decided_at) : "", series.code ? ` · ${reason}` : "")];
  }
  function convertedCell(series, jobs) {
    const now = jobs.filter((job) => job.state !== "cancelled");
    if (now.length === 0) return series.state === "done" ? [sub("no route wants it")] : [sub("–")];
    const cells = [];
    for (const job of now.slice(0, 3)) {
      const why = job.state === "done" ? `${job.recipe}: ${count(job.outputs, "slice", "slices")}` : job.code ? `${job.code}: ${job.text}` : job.recipe;
      cells.push(pill(job.state), sub(why));
    }
    if (now.length > 3) cells.push(sub(`and ${now.length - 3} more`));
    return cells;
  }
  function deliveredCell(deliveries) {
    const now = deliveries.filter((each) => each.state !== "cancelled");
    if (now.length === 0) return [sub("–")];
    const cells = [];
    for (const each of now.slice(0, 3)) {
      const status = each.last_status && each.last_status !== "0000" ? ` · DIMSE ${each.last_status}` : "";
      cells.push(pill(each.state), sub(`${each.destination}: ${each.accepted} of ${each.instances}${status}`, ...(each.next_at && (each.state === "failed" || each.waits_for_destination) ? [" · ", ...nextTry(each)] : [])));
      if (each.accepted > 0 && each.accepted < each.instances)
        cells.push(el("progress", { max: each.instances || 1, value: each.accepted, "aria-label": `accepted by ${each.destination}` }));
    }
    if (now.length > 3) cells.push(sub(`and ${now.length - 3} more`));
    return cells;
  }

  function detail(series) {
    const more = state.details.get(series.id);
    if (!more) return el("p", { class: "quiet" }, "loading");
    const list = (title, items) => items.length === 0 ? null : el("div", {}, el("h3", {}, title), el("ul", {}, ...items));
    const stages = (job) => {
      const known = state.stages && state.stages.get(job.id);
      if (!known) return null;
      const said = Object.entries(known).filter(([key, ms]) => /_ms$/.test(key) && ms > 0).map(([key, ms]) => `${key.replace(/_ms$/, "")} ${(ms / 1000).toFixed(2)} s`);
      if (known.simd) said.push(known.simd);
      return sub(said.join(" · "));
    };
    const jobItem = (job) => el("li", {}, pill(job.state), ` j${job.id} ${job.recipe} `, sub(`${job.volume}${job.superseded ? " · superseded by a later revision" : ""}`),
      job.code || job.text ? sub([job.code, job.text].filter(Boolean).join(": ")) : null, stages(job),
      job.derived_series_uid ? sub(el("span", { class: "mono" }, job.derived_series_uid)) : null,
      el("span", { class: "actions" },
        job.state === "done" ? el("a", { href: `/api/v1/jobs/${job.id}/manifest` }, "manifest") : null,
        ["failed", "dead", "cancelled"].includes(job.state) ? action("Retry", `/api/v1/jobs/${job.id}/retry`) : null,
        ["queued", "failed"].includes(job.state) ? action("Cancel", `/api/v1/jobs/${job.id}/cancel`) : null));
    const deliveryItem = (each) => el("li", {}, pill(each.state), ` d${each.id} to ${each.destination}: ${each.accepted} of ${each.instances} accepted, ${count(each.attempts, "attempt", "attempts")}`,
      each.last_status || each.last_comment ? sub(`${each.last_status ? `DIMSE status ${each.last_status}` : "no DIMSE status"}${each.last_comment ? `: ${each.last_comment}` : ""}`) : null,
      each.next_at ? sub(...nextTry(each)) : null,
      el("span", { class: "actions" },
        ["failed", "dead", "cancelled"].includes(each.state) ? action("Retry", `/api/v1/deliveries/${each.id}/retry`) : null,
        ["queued", "failed"].includes(each.state) ? action("Cancel", `/api/v1/deliveries/${each.id}/cancel`) : null));
    return el("div", {},
      el("p", { class: "quiet" }, "Series ", el("span", { class: "mono" }, more.series_uid)),
      ["receiving", "waiting"].includes(more.state) ? el("p", { class: "actions" }, action("Decide now", `/api/v1/series/${more.id}/complete`, true)) : null,
      el("div", { class: "grid" },
        list("Evidence of completeness", (more.evidence || []).map((each) => el("li", {}, el("strong", {}, each.kind.replace(/_/g, " ")), ` ${each.source ? `${each.source}: ` : ""}${each.text}`, each.at ? sub(time(each.at)) : null))),
        list("Warnings", (more.warnings || []).map((each) => el("li", {}, pill(each.code, "wait"), ` ${each.text}`))),
        list("Set aside", (more.aside || []).map((each) => el("li", {}, pill(each.code || each.kind, "bad"), ` ${each.text || ""}`, sub(el("span", { class: "mono" }, each.sop_uid || ""))))),
        list("Conversions", more.jobs.map(jobItem)),
        list("Deliveries", more.deliveries.map(deliveryItem))));
  }
  async function loadDetail(id) {
    try {
      const more = await ask(`/api/v1/series/${id}`);
      state.stages = state.stages || new Map();
      for (const job of more.jobs.filter((each) => each.state === "done" && !state.stages.has(each.id)).slice(0, 4)) {
        const whole = await ask(`/api/v1/jobs/${job.id}`);
        if (whole.stages) state.stages.set(job.id, whole.stages);
      }
      state.details.set(id, more);
    } catch (error) {
      state.details.delete(id);
    }
  }
  async function toggle(id) {
    if (state.open.has(id)) state.open.delete(id);
    else state.open.add(id);
    showSeries();
    if (state.open.has(id)) { await loadDetail(id); showSeries(); }
  }

  function seriesRow(item) {
    const { series, jobs, deliveries, isOpen } = item;
    const cell = (label, children) => el("td", { "data-label": label }, ...children);
    return el("tbody", {},
      el("tr", { class: "main" },
        el("td", {}, el("strong", {}, `${series.modality || "?"} `), el("span", { class: "mono", title: series.series_uid }, short(series.series_uid)),
          sub(`s${series.id} from ${series.calling_ae}${series.generation > 1 ? ` · decided ${series.generation} times` : ""}`)),
        cell("Received", [el("span", { class: "num" }, count(series.instances, "instance", "instances")), sub(series.last_at ? time(series.last_at) : "")]),
        cell("Complete", completeCell(series)),
        cell("Converted", convertedCell(series, jobs)),
        cell("Delivered", deliveredCell(deliveries)),
        el("td", {}, el("button", { type: "button", "aria-expanded": String(isOpen), "aria-controls": `more-${series.id}`, "data-focus": "more", "aria-label": `Details of series s${series.id}`, on: () => toggle(series.id) }, isOpen ? "Less" : "More"))),
      el("tr", { class: "more", id: `more-${series.id}`, hidden: isOpen ? false : "" }, el("td", { colspan: 6 }, isOpen ? detail(series) : "")));
  }
  function showSeries() {
    const items = state.series.map((series) => {
      const jobs = jobsOf(series.id);
      const isOpen = state.open.has(series.id);
      return { series, jobs, deliveries: deliveriesOf(jobs), isOpen, more: isOpen ? state.details.get(series.id) || null : null };
    });
    const total = state.status ? Object.values(state.status.series).reduce((a, b) => a + b, 0) : items.length;
    byId("empty").hidden = items.length > 0;
    byId("series-table").hidden = items.length === 0;
    byId("series-note").textContent = total > items.length ? `the newest ${items.length} of ${total.toLocaleString("en")}` : items.length > 0 ? "newest first" : "";
    reconcile(byId("series-table"), items, (item) => item.series.id, seriesRow, 2);
  }

  /* ---- destinations, processes, numbers ---- */

  function destinationCard(each) {
    const waiting = each.recent.queued + each.recent.failed + each.recent.sending;
    const last = each.last;
    const kind = !last ? "off" : KIND[last.state];
    const word = !last ? "idle" : last.state === "failed" ? "will retry" : last.state;
    const breaker = each.breaker;
    const troubled = breaker.state !== "closed";
    return el("li", {},
      el("div", { class: "bar" }, el("strong", {}, each.name), troubled ? pill(breaker.state, KIND.failed) : pill(word, kind)),
      troubled ? el("p", { class: "quiet" }, `${breaker.text} (${count(breaker.failures, "failure", "failures")}) since `, time(breaker.since), breaker.next_at ? " · asked again " : "", breaker.next_at ? time(breaker.next_at, "due") : "") : null,
      el("p", { class: "quiet mono" }, `${each.ae_title}@${each.address}:${each.port}`),
      last ? el("p", { class: "quiet" }, `newest d${last.id}: ${last.accepted} of ${last.instances} accepted${last.last_status ? `, DIMSE status ${last.last_status}` : ""}${last.last_comment ? `, ${last.last_comment}` : ""}`) : el("p", { class: "quiet" }, "nothing was sent yet"),
      last && last.next_at && last.state === "failed" && !last.waits_for_destination ? el("p", { class: "quiet" }, ...nextTry(last)) : null,
      waiting > 0 ? el("p", { class: "quiet" }, `${count(waiting, "delivery", "deliveries")} ${troubled ? "waiting" : "under way or waiting"}`) : null);
  }
  function showRest(status) {
    byId("about").textContent = `${status.ae_title} listens on port ${status.receive_port} · version ${status.version}`;
    byId("empty-command").textContent = `dcmsend -aec ${status.ae_title} ${location.hostname.replace(/^\[|\]$/g, "")} ${status.receive_port} +sd +r FOLDER`;
    const list = status.destinations.length > 0 ? status.destinations : [{ none: true }];
    reconcile(byId("destinations"), list, (each) => each.name || "", (each) => each.none ? el("li", { class: "quiet" }, "No destination is configured: results stay in the outbox.") : destinationCard(each));
    reconcile(byId("roles-body"), status.roles, (role) => role.name, (role) => el("tr", {},
      el("td", {}, role.name), el("td", {}, pill(role.state, role.state === "running" ? "ok" : KIND[role.state])),
      el("td", { class: "num" }, role.pid ? String(role.pid) : "–"), el("td", {}, role.since ? time(role.since) : "–"),
      el("td", { class: "num" }, String(role.restarts), role.note ? sub(role.note) : null)));
    const numbers = [["Received", bytes(status.totals.bytes)]];
    if (status.queue.oldest_waiting_at) numbers.push(["Oldest waiting", status.queue.oldest_waiting_at]);
    if (status.disk && status.disk.total_bytes) numbers.push(["Disk free", `${bytes(status.disk.free_bytes)} of ${bytes(status.disk.total_bytes)}`]);
    reconcile(byId("numbers"), numbers, (each) => each[0], (each) => el("div", {}, el("dt", {}, each[0]),
      el("dd", {}, /^\d{4}-\d\d-\d\dT/.test(each[1]) ? time(each[1]) : each[1])));
  }

  /* ---- keeping up ---- */

  let running = false, again = false;
  async function refresh() {
    if (running) { again = true; return; }
    running = true;
    try {
      do {
        again = false;
        const [status, series, jobs, deliveries] = await Promise.all([
          ask("/api/v1/status"), ask(`/api/v1/series?order=newest&limit=${SHOWN}`),
          ask("/api/v1/jobs?order=newest&limit=200"), ask("/api/v1/deliveries?order=newest&limit=200")]);
        const reports = status.commitments.dead + status.commitments.judged > 0 ? await ask("/api/v1/commitments?order=newest&limit=200") : { commitments: [] };
        state.status = status;
        state.commitments = reports.commitments;
        state.series = series.series;
        state.jobs = new Map(jobs.jobs.map((job) => [job.id, job]));
        state.deliveries = new Map(deliveries.deliveries.map((each) => [each.id, each]));
        for (const id of state.open) await loadDetail(id);
        showWay(status);
        showTrouble();
        showSeries();
        showRest(status);
        live("ok", "live");
      } while (again);
    } catch (error) {
      live("bad", "the daemon does not answer");
    }
    running = false;
  }

  let events = null;
  function listen() {
    if (!("EventSource" in window)) return;
    events = new EventSource("/api/v1/events");
    events.addEventListener("status", refresh);
    events.onerror = () => live("bad", "connection lost, trying again");
  }
  /* Events say that something has changed; the slow poll is for what they miss. */
  setInterval(() => { if (!document.hidden && (!events || events.readyState !== 1)) refresh(); }, 2000);
  setInterval(() => { if (!document.hidden) refresh(); }, 15000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  refresh();
  listen();
})();
