"""The carbon books: what is counted, posted, restated, closed, proved and shared out, between the store and `carbon`."""
