/** The data sets of the world, and what people ask of them. */

/** `[question, query, options]` */
const FILMS = [
  ["Which Westerns are rated best?", { "Major Genre": "Western", "IMDB Rating": { $gte: 7 } }, { sort: { "IMDB Rating": -1 }, limit: 20, fields: ["Title", "Release Date", "IMDB Rating"] }],
  ["Which films of the nineties cost more than 100 million?", { "Production Budget": { $gt: 100000000 }, "Release Date": { $regex: " 199\\d$" } }, { sort: { "Production Budget": -1 }, limit: 20, fields: ["Title", "Release Date", "Production Budget"] }],
  ["Which comedies or musicals has nobody rated?", { "Major Genre": { $in: ["Comedy", "Musical"] }, "IMDB Rating": null }, { limit: 20, fields: ["Title", "Major Genre", "Director"] }],
  ["Which titles have a star in them?", { Title: { $regex: "\\bstar\\b", $options: "i" } }, { sort: { Title: 1 }, limit: 20, fields: ["Title", "Director", "Release Date"] }],
  ["What is adapted from something, and by no known director?", { Source: { $startsWith: "Based on" }, Director: null }, { sort: { "Worldwide Gross": -1 }, limit: 20, fields: ["Title", "Source", "Worldwide Gross"] }],
];

const FLIGHTS = [
  ["Which flights were latest?", { delay: { $gt: 180 } }, { sort: { delay: -1 }, limit: 20 }],
  ["What left Las Vegas more than an hour late?", { origin: "LAS", delay: { $gt: 60 } }, { sort: { date: 1 }, limit: 20 }],
  ["What came to Las Vegas on January 3rd?", { destination: "LAS", date: { $startsWith: "2001/01/03" } }, { sort: { date: 1 }, limit: 20 }],
  ["Which long flights were neither early nor late?", { distance: { $gte: 2000 }, delay: { $gte: -1, $lte: 1 } }, { sort: { distance: -1 }, limit: 20 }],
];

const COUNTRIES = [
  ["Where did people live longest in 2005?", { year: 2005 }, { sort: { life_expect: -1 }, limit: 20, fields: ["country", "life_expect", "fertility"] }],
  ["Where did women have more than six children after 1990?", { year: { $gte: 1990 }, fertility: { $gt: 6 } }, { sort: { fertility: -1 }, limit: 20, fields: ["country", "year", "fertility"] }],
  ["What became of Rwanda?", { country: "Rwanda" }, { sort: { year: 1 }, fields: ["year", "pop", "life_expect", "fertility"] }],
  ["Which were large, or small, but lived long in 1955?", { year: 1955, life_expect: { $gt: 65 }, $or: [{ pop: { $gt: 100000000 } }, { pop: { $lt: 1000000 } }] }, { sort: { pop: -1 }, fields: ["country", "pop", "life_expect"] }],
];

/** By the name of the collection. `file`: under /data/. */
export const DATA = {
  films: { title: "Films", file: "movies.json", questions: FILMS },
  flights: { title: "Flights in the United States, 2001", file: "flights-10k.json", questions: FLIGHTS },
  countries: { title: "Countries, 1955 to 2005", file: "gapminder.json", questions: COUNTRIES },
};
