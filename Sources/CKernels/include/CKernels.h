int plk_stub(void);
