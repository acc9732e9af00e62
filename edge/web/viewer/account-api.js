// Every address of the appliance that the page of accounts knows.

import { ask } from "./request.js";

const one = (name) => `/v1/accounts/${encodeURIComponent(name)}`;

export const accounts = () => ask("GET", "/v1/accounts");
export const addAccount = (name, role) => ask("POST", "/v1/accounts", { name, role });
export const setRole = (name, role) => ask("PUT", `${one(name)}/role`, { role });
export const newPassword = (name) => ask("PUT", `${one(name)}/password`, {});
export const removeAccount = (name) => ask("DELETE", one(name));
export const ownPassword = (old, wanted) => ask("PUT", "/v1/session/password", { old, new: wanted });
export const signIns = () => ask("GET", "/v1/sign-ins");
export const endSignIn = (id) => ask("DELETE", `/v1/sign-ins/${encodeURIComponent(id)}`);
export const endMine = () => ask("DELETE", "/v1/sign-ins");
export const audit = (query) => ask("GET", `/v1/audit?${new URLSearchParams(query)}`);
