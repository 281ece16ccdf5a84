-- Records stand in a database for each day (src/store/record_rows.c); store_move_records has moved those that were here.
DROP TABLE cdrs;
